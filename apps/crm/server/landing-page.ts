/** What a person sees who opens a node in a browser. */
const ROUTES: readonly (readonly [route: string, meaning: string])[] = [
  [
    "POST /api/login",
    '{ email, password, onConflict: "displace" | "reject" } → cookie sid, one session per account',
  ],
  ["POST /api/logout", "ends this session, and no newer one"],
  ["GET /api/me", "who is signed in"],
  ["POST /api/users", "a further account (admin)"],
  ["GET POST /api/customers", "list (?after=&limit=) and create"],
  [
    "GET PUT PATCH DELETE /api/customers/:id",
    "ETag and If-Match: 428 without, 412 with the current record when stale",
  ],
  [
    "GET POST /api/orders",
    "list, and place with an Idempotency-Key: { customerId, lines: [{ sku, quantity, unitPrice }] }",
  ],
  ["GET /api/orders/:id", "status, attempts, and the ledger of effects"],
  ["POST /api/orders/:id/process", "once, whoever asks however often"],
  ["GET /api/locks", "holders and waiters now (?prefix=)"],
  ["GET /healthz, /readyz", "this process turns; it can serve"],
];

export function landingPage(node: string): string {
  const rows = ROUTES.map(
    ([route, meaning]) => `<tr><th>${escaped(route)}</th><td>${escaped(meaning)}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Holdfast CRM</title>
<style>
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
  body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
  th { text-align: left; font: 0.9rem ui-monospace, monospace; padding-right: 1.5rem; vertical-align: top }
</style>
<h1>Holdfast CRM</h1>
<p>This is ${escaped(node)}. Every node serves every request; they share nothing but the store.</p>
<table>
${rows.join("\n")}
</table>
</html>
`;
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
