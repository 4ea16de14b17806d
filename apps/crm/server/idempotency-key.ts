import { HttpProblem } from "./problem.ts";

/**
 * The header's key. The draft (draft-ietf-httpapi-idempotency-key-header) has it in quotes, as a
 * structured field; most clients send it bare: both are taken, and mean the same.
 */
export function idempotencyKey(header: string | undefined): string {
  const key = (header ?? "").trim().replace(/^"(.*)"$/, "$1");
  if (/^[\x20-\x7e]{1,255}$/.test(key)) return key;
  throw new HttpProblem({
    status: 400,
    type: key === "" ? "idempotency-key-missing" : "idempotency-key-invalid",
    title: "Idempotency-Key needed",
    detail:
      "send the header Idempotency-Key, for instance a UUID, and the same one when you repeat the request",
  });
}
