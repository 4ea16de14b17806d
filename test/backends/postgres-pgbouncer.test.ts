import assert from "node:assert/strict";
import { after, test } from "node:test";
import { connect } from "holdfast";
import { postgresFromUrl } from "holdfast/postgres";
import { conformance } from "holdfast/testkit";
import { postgresEnvironment } from "../servers/postgres-environment.ts";
import { startPgBouncer, startPostgres } from "../servers/postgres.ts";

const server = await startPostgres();
const bouncer = await startPgBouncer(server);
after(async () => {
  await bouncer.stop();
  await server.stop();
});

conformance({
  test,
  name: "postgres behind PgBouncer in transaction mode",
  open: () => postgresEnvironment(server, { url: bouncer.url, listenUrl: server.url }),
});

test("without a direct address waiters find grants by asking, and no session is left listening", async () => {
  const options = { namespace: "bounced", fallbackMs: 200 };
  const [a, b] = await Promise.all([connect(bouncer.url, options), connect(bouncer.url, options)]);
  const held = await a.mutex("m").lock();
  const waiting = b.mutex("m").lock({ waitMs: 5_000 });
  await held.release();
  const next = await waiting;
  assert.ok(next.token > held.token);
  await next.release();
  const listening = await server.query("SELECT 1 FROM pg_stat_activity WHERE query ILIKE 'listen%'");
  assert.equal(listening.length, 0);
  await Promise.all([a.close(), b.close()]);
});

test("diagnosis knows that there is a pooler, and whether grants are heard all the same", async () => {
  const session = {
    namespace: "doctor",
    processId: "p",
    owner: { host: "here", pid: 1 },
    claimMs: 1_000,
    patienceMs: 10_000,
    listener: { granted() {}, revoked() {}, contended() {}, look() {} },
  };
  const levels: (string | undefined)[] = [];
  for (const listen of ["", `?listen=${encodeURIComponent(server.url)}`]) {
    const backend = await postgresFromUrl(bouncer.url + listen);
    await backend.open(session);
    const findings = (await backend.diagnose?.()) ?? [];
    levels.push(findings.find(({ subject }) => subject === "pooler")?.level);
    await backend.close();
  }
  assert.deepEqual(levels, ["warning", "ok"]);
});
