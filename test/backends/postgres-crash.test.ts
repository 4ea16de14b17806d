import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { Admission, Backend, Session } from "holdfast/backend";
import { postgres, type Durability } from "holdfast/postgres";
import { poolOf } from "../servers/postgres-environment.ts";
import { startPostgres } from "../servers/postgres.ts";

const server = await startPostgres(["restart_after_crash=on"]);
const pool = poolOf(server.url);
after(async () => {
  await pool.end();
  await server.stop();
});

const TTL_MS = 6_000;

/** The server's clock, which tests may move forward. */
let ahead = 0;
let processes = 0;

async function opened(
  durability: Durability,
  namespace = "crash",
): Promise<{ backend: Backend; id: string }> {
  const backend = postgres(pool, { schema: durability, durability, now: () => Date.now() + ahead });
  const id = `p${(processes += 1)}`;
  const session: Session = {
    namespace,
    processId: id,
    owner: { host: "here", pid: processes },
    claimMs: 1_000,
    patienceMs: 60_000,
    listener: { granted() {}, revoked() {}, contended() {}, look() {} },
  };
  await backend.open(session);
  return { backend, id };
}

async function admit(
  backend: Backend,
  resource: string,
  leaseId: string,
  { wait = true, permits = 1, capacity = 1 } = {},
): Promise<Admission> {
  const ask = { resource, leaseId, permits, capacity, ttlMs: TTL_MS, wait };
  return (await backend.admit([ask])).results[0]!;
}

async function serves(backend: Backend): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    if (await backend.time().then(() => backend.inspect("").then(() => true), () => false)) return;
    await wait(25);
  }
  assert.fail("does not serve again");
}

async function crash(backend: Backend): Promise<void> {
  await server.kill();
  await server.start();
  await serves(backend);
}

function tokenOf(admission: Admission): number {
  assert.equal(admission.kind, "granted");
  return (admission as Extract<Admission, { kind: "granted" }>).token;
}

describe("durable: a killed server forgets nothing it has answered", () => {
  test("the holder holds, the waiter waits, the released is free", async () => {
    const { backend, id } = await opened("durable");
    const held = await admit(backend, "r", `${id}:1`);
    assert.equal((await admit(backend, "r", `${id}:2`)).kind, "waiting");
    const free = await admit(backend, "s", `${id}:3`);
    await backend.release([{ resource: "s", leaseId: `${id}:3` }]);
    await crash(backend);
    const { places } = await backend.inspect("r");
    assert.deepEqual(places.map(({ leaseId }) => leaseId), [`${id}:1`, `${id}:2`]);
    assert.equal(places[0]?.token, tokenOf(held));
    assert.ok(tokenOf(await admit(backend, "s", `${id}:4`)) > tokenOf(free));
    await backend.close();
  });
});

describe("relaxed: a killed server forgets all locks, and grants none that somebody may still hold", () => {
  test("nothing is granted before the longest lease has passed, then the first in line", async () => {
    const { backend, id } = await opened("relaxed");
    const held = tokenOf(await admit(backend, "r", `${id}:1`));
    await crash(backend);
    // Its holder believes to have it still. Whatever is asked for, also what nobody had, has to wait.
    const asked = await admit(backend, "r", `${id}:2`);
    assert.equal(asked.kind, "waiting");
    assert.equal((await admit(backend, "never held", `${id}:3`, { wait: false })).kind, "busy");
    assert.equal((await admit(backend, "r", `${id}:4`)).kind, "waiting");
    assert.equal((await admit(backend, "pool", `${id}:5`, { permits: 2, capacity: 3 })).kind, "waiting");
    const renewal = (await backend.renew([{ resource: "r", leaseId: `${id}:1`, ttlMs: TTL_MS }])).results[0];
    assert.equal(renewal?.kind, "gone");
    const { places } = await backend.inspect("r");
    assert.match(places[0]?.owner.label ?? "", /when the server crashed/);
    const { lookAt } = asked as Extract<Admission, { kind: "waiting" }>;
    assert.ok(lookAt >= Date.now() + ahead + TTL_MS / 2, "looks again when it may be over");

    ahead += TTL_MS + 1_000;
    assert.ok(tokenOf(await admit(backend, "r", `${id}:2`)) > held);
    assert.equal((await admit(backend, "r", `${id}:4`)).kind, "waiting");
    assert.equal((await admit(backend, "pool", `${id}:5`, { permits: 2, capacity: 3 })).kind, "granted");
    assert.equal((await admit(backend, "other", `${id}:6`)).kind, "granted");
    await backend.close();
  });

  test("tokens grow though the clock steps back with the crash, also of locks not held since", async () => {
    const { backend, id } = await opened("relaxed", "clock");
    const before = tokenOf(await admit(backend, "r", `${id}:1`));
    await backend.release([{ resource: "r", leaseId: `${id}:1` }]);
    await server.kill();
    ahead -= 1_000_000;
    await server.start();
    await serves(backend);
    await admit(backend, "first", `${id}:2`, { wait: false });
    ahead += TTL_MS + 1_000;
    const fence = { resource: "r", token: 1024n, shared: false };
    // Locks of another store count differently: their writers are not held to our tokens.
    const write = { collection: "c", key: "k", value: "1", revision: "1", opId: "1", fence };
    const elsewhere = await backend.write([write]);
    assert.equal(elsewhere.kind, "written");
    const after = tokenOf(await admit(backend, "r", `${id}:3`));
    assert.ok(after > before, `${after} > ${before}`);
    await backend.release([{ resource: "r", leaseId: `${id}:3` }]);
    // An idle lock is kept for as long as its tokens are ahead of the clock.
    await server.query("SELECT relaxed.sweep($1, 1000)", [Date.now() + ahead + 700_000]);
    assert.ok(tokenOf(await admit(backend, "r", `${id}:4`)) > after);
    ahead += 1_000_000;
    await backend.close();
  });

  test("a write by whoever held it before is refused as soon as somebody has it after", async () => {
    const { backend, id } = await opened("relaxed", "fence");
    const held = tokenOf(await admit(backend, "r", `${id}:1`));
    await crash(backend);
    assert.equal((await admit(backend, "r", `${id}:2`)).kind, "waiting");
    const fence = { resource: "r", token: BigInt(held) * 1024n, shared: false };
    const write = async (opId: string): Promise<string> =>
      (await backend.write([{ collection: "c", key: "k", value: "1", revision: opId, opId, fence }])).kind;
    assert.equal(await write("1"), "written");
    ahead += TTL_MS + 1_000;
    assert.ok(tokenOf(await admit(backend, "r", `${id}:2`)) > held);
    assert.equal(await write("2"), "stale");
    await backend.close();
  });

  test("one session killed by a signal is a crash of all, and is noticed too", async () => {
    const { backend, id } = await opened("relaxed", "session");
    await admit(backend, "r", `${id}:1`);
    const [row] = await server.query("SELECT pg_postmaster_start_time()::text AS at");
    const client = await pool.connect();
    client.on("error", () => undefined);
    const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    process.kill(rows[0]!.pid, "SIGKILL");
    client.release(true);
    for (let attempt = 0; attempt < 400; attempt += 1) {
      const admission = await admit(backend, "r", `${id}:2`).catch(() => undefined);
      const { places } = await backend.inspect("r").catch(() => ({ places: [] }));
      if (places[0]?.leaseId === "") break;
      assert.notEqual(admission?.kind, "granted");
      await wait(25);
    }
    assert.equal((await backend.inspect("r")).places[0]?.leaseId, "");
    assert.deepEqual(await server.query("SELECT pg_postmaster_start_time()::text AS at"), [row]);
    ahead += TTL_MS + 1_000;
    await backend.close();
  });

  test("a clean restart keeps them: nobody waits", async () => {
    const { backend, id } = await opened("relaxed", "clean");
    const held = await admit(backend, "r", `${id}:1`);
    await server.restart();
    await serves(backend);
    assert.deepEqual(await admit(backend, "r", `${id}:1`), held);
    assert.equal((await admit(backend, "other", `${id}:2`)).kind, "granted");
    await backend.close();
  });
});

test("the processes of one schema have to agree on its durability", async () => {
  const backend = postgres(pool, { schema: "durable", durability: "relaxed" });
  const listener = { granted() {}, revoked() {}, contended() {}, look() {} };
  const owner = { host: "here", pid: 1 };
  const session = { namespace: "n", processId: "p", owner, claimMs: 1_000, patienceMs: 1_000, listener };
  await assert.rejects(backend.open(session), /are durable, not relaxed: give all processes durability/);
  assert.throws(() => postgres(pool, { durability: "fast" as "relaxed" }), RangeError);
});
