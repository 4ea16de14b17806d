import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { after, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { Pool } from "pg";
import { BackendError } from "holdfast";
import type { Admission, Backend, Session } from "holdfast/backend";
import { migrationSql, postgres, postgresFromUrl } from "holdfast/postgres";
import { FaultProxy } from "holdfast/testkit";
import { poolOf } from "../servers/postgres-environment.ts";
import { startPostgres } from "../servers/postgres.ts";

const server = await startPostgres();
after(() => server.stop());

process.on("unhandledRejection", (reason) => assert.fail(`unhandled rejection: ${String(reason)}`));

interface Heard {
  readonly granted: string[];
  readonly revoked: string[];
  looks: number;
}

let processes = 0;

/** One process on the backend, and what it was told. */
async function opened(backend: Backend, namespace: string): Promise<{ id: string; heard: Heard }> {
  const heard: Heard = { granted: [], revoked: [], looks: 0 };
  const id = `p${(processes += 1)}`;
  const session: Session = {
    namespace,
    processId: id,
    owner: { host: "here", pid: processes },
    claimMs: 5_000,
    patienceMs: 30_000,
    listener: {
      granted: (_resource, leaseId) => void heard.granted.push(leaseId),
      revoked: (_resource, leaseId) => void heard.revoked.push(leaseId),
      contended: () => undefined,
      look: (resource) => void (resource === undefined && (heard.looks += 1)),
    },
  };
  await backend.open(session);
  return { id, heard };
}

async function admit(backend: Backend, resource: string, leaseId: string): Promise<Admission> {
  const ask = { resource, leaseId, permits: 1, capacity: 1, ttlMs: 10_000, wait: true };
  return (await backend.admit([ask])).results[0]!;
}

async function release(backend: Backend, resource: string, leaseId: string): Promise<string> {
  return (await backend.release([{ resource, leaseId }])).results[0]!.kind;
}

async function until(what: string, holds: () => boolean | Promise<boolean>, maxMs = 5_000): Promise<void> {
  const giveUpAt = performance.now() + maxMs;
  while (!(await holds())) {
    assert.ok(performance.now() < giveUpAt, `${what}: not within ${maxMs} ms`);
    await wait(10);
  }
}

const answers = (backend: Backend): Promise<boolean> =>
  backend.time().then(
    () => true,
    () => false,
  );

const KILL_ALL =
  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity " +
  "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";

test("killed sessions: the pool heals, waiters look, leases and the queue are as before", async () => {
  const [holder, waiter] = await Promise.all([postgresFromUrl(server.url), postgresFromUrl(server.url)]);
  const a = await opened(holder, "killed");
  const b = await opened(waiter, "killed");
  const held = await admit(holder, "r", `${a.id}:1`);
  assert.equal((await admit(waiter, "r", `${b.id}:1`)).kind, "waiting");
  await server.query(KILL_ALL);
  await until("told to look", () => b.heard.looks > 0);
  await until("serves", async () => (await answers(holder)) && answers(waiter));
  assert.deepEqual(await admit(holder, "r", `${a.id}:1`), { ...held, waiting: 1 });
  assert.equal(await release(holder, "r", `${a.id}:1`), "released");
  await until("the grant is pushed", () => b.heard.granted.includes(`${b.id}:1`));
  await holder.close();
  await waiter.close();
});

test("a session killed during a step: outcome unknown, nothing done, the next call is served", async () => {
  const backend = await postgresFromUrl(server.url);
  const { id } = await opened(backend, "blocked");
  await admit(backend, "r", `${id}:1`);
  const blocker = poolOf(server.url, 1);
  const client = await blocker.connect();
  await client.query("BEGIN");
  await client.query("SELECT 1 FROM holdfast.lock WHERE name = 'r' FOR UPDATE");
  const step = release(backend, "r", `${id}:1`).catch((error: unknown) => error);
  await until("the step waits for the row", async () => {
    const rows = await server.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
    return rows.length > 0;
  });
  await server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
  const error = await step;
  assert.ok(error instanceof BackendError && error.outcome === "unknown", String(error));
  await client.query("ROLLBACK");
  client.release();
  await blocker.end();
  assert.equal(await release(backend, "r", `${id}:1`), "released");
  await backend.close();
});

test("a restart: refused as not applied while it is down, then served; leases and tokens go on", async () => {
  const own = await startPostgres();
  const backend = await postgresFromUrl(own.url);
  const { id, heard } = await opened(backend, "restart");
  const before = await admit(backend, "r", `${id}:1`);
  await own.kill();
  await until("notices", async () => !(await answers(backend)));
  const started = performance.now();
  const refused = await admit(backend, "r", `${id}:2`).catch((error: unknown) => error);
  assert.ok(refused instanceof BackendError && refused.outcome === "not-applied", String(refused));
  assert.ok(performance.now() - started < 500);
  await own.start();
  await until("told to look", () => heard.looks > 0);
  await until("serves", () => answers(backend));
  assert.deepEqual(await admit(backend, "r", `${id}:1`), before);
  await release(backend, "r", `${id}:1`);
  const after = await admit(backend, "r", `${id}:3`);
  assert.ok(before.kind === "granted" && after.kind === "granted" && after.token > before.token);
  await backend.close();
  await own.stop();
});

test("a frozen server: every call fails in time, and it is used again when it thaws", async () => {
  const own = await startPostgres();
  const pool = poolOf(own.url, 2);
  const backend = postgres(pool, { callMs: 400 });
  const { id } = await opened(backend, "frozen");
  await admit(backend, "r", `${id}:1`);
  await own.freeze();
  const started = performance.now();
  const outcomes = await Promise.all(
    ["a", "b", "c", "d", "e"].map((name) =>
      admit(backend, name, `${id}:${name}`).then(
        () => "answered",
        (error: unknown) => (error instanceof BackendError ? error.outcome : String(error)),
      ),
    ),
  );
  assert.ok(performance.now() - started < 2_000);
  const possible = new Set(["unknown", "not-applied"]);
  assert.ok(
    outcomes.every((outcome) => possible.has(outcome)),
    String(outcomes),
  );
  await own.thaw();
  await until("serves", () => answers(backend));
  const again = await admit(backend, "a", `${id}:a`);
  assert.equal(again.kind, "granted");
  assert.equal((await backend.inspect("a")).places.length, 1);
  await backend.close();
  await pool.end();
  await own.stop();
});

test("a lost reply: outcome unknown, and the same call again gives the one place there is", async () => {
  const proxy = await FaultProxy.start({ port: server.port });
  const backend = await postgresFromUrl(server.url.replace(`:${server.port}`, `:${proxy.port}`));
  const { id } = await opened(backend, "lost");
  const lost = proxy.dropNextReply((request) => request.includes(`${id}:1`));
  const error = await admit(backend, "r", `${id}:1`).catch((each: unknown) => each);
  await lost;
  assert.ok(error instanceof BackendError && error.outcome === "unknown", String(error));
  await until("serves", () => answers(backend));
  assert.equal((await admit(backend, "r", `${id}:1`)).kind, "granted");
  assert.equal((await backend.inspect("r")).places.length, 1);
  await backend.close();
  await proxy.close();
});

test("a query_timeout of the pool: later calls are served, and a silent server fails the call", async () => {
  const proxy = await FaultProxy.start({ port: server.port });
  const url = server.url.replace(`:${server.port}`, `:${proxy.port}`);
  const pool = new Pool({ connectionString: url, query_timeout: 300, max: 1 });
  pool.on("error", () => undefined);
  const backend = postgres(pool);
  const { id } = await opened(backend, "timeout");
  await admit(backend, "r", `${id}:1`);
  await wait(400);
  assert.equal(await release(backend, "r", `${id}:1`), "released");
  proxy.blackhole();
  const error = await admit(backend, "r", `${id}:2`).catch((each: unknown) => each);
  assert.ok(error instanceof BackendError && error.outcome === "unknown", String(error));
  proxy.heal();
  await until("serves", () => answers(backend));
  await backend.close();
  await pool.end();
  await proxy.close();
});

test("a black hole: calls fail in time, connections are given up, others serve when it heals", async () => {
  const proxy = await FaultProxy.start({ port: server.port });
  const url = server.url.replace(`:${server.port}`, `:${proxy.port}`);
  const backend = await postgresFromUrl(url, { callMs: 400 });
  const { id } = await opened(backend, "hole");
  await admit(backend, "r", `${id}:1`);
  proxy.blackhole();
  for (const name of ["a", "b"]) {
    const error = await admit(backend, name, `${id}:${name}`).catch((each: unknown) => each);
    assert.ok(error instanceof BackendError, String(error));
  }
  proxy.heal();
  await until("serves", () => answers(backend));
  assert.equal((await admit(backend, "a", `${id}:a`)).kind, "granted");
  await backend.close();
  await proxy.close();
});

test("one process makes the tables while others wait", async () => {
  await server.query("DROP SCHEMA IF EXISTS many CASCADE");
  const backends = await Promise.all(
    Array.from({ length: 8 }, () => postgresFromUrl(server.url, { schema: "many" })),
  );
  await Promise.all(backends.map((backend) => opened(backend, "many")));
  const [row] = await server.query("SELECT count(*)::int AS count FROM many.space");
  assert.equal(row?.["count"], 1);
  await Promise.all(backends.map((backend) => backend.close()));
  assert.doesNotMatch(server.log(), /ERROR/);
});

test("a role that may not create: says what to do; served once the owner has run the migration", async () => {
  await server.query("CREATE ROLE app LOGIN");
  const url = server.url.replace("postgres@", "app@");
  const backend = await postgresFromUrl(url, { schema: "owned" });
  await assert.rejects(opened(backend, "app"), /migrationSql\(\)/);
  await backend.close();
  await server.query(migrationSql("owned"));
  await server.query(
    "GRANT USAGE ON SCHEMA owned TO app; " +
      "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA owned TO app; " +
      "GRANT USAGE ON ALL SEQUENCES IN SCHEMA owned TO app",
  );
  const allowed = await postgresFromUrl(url, { schema: "owned" });
  const { id } = await opened(allowed, "app");
  assert.equal((await admit(allowed, "r", `${id}:1`)).kind, "granted");
  assert.equal(
    (await allowed.write([{ collection: "c", key: "k", value: "1", revision: "1", opId: "1" }])).kind,
    "written",
  );
  await allowed.close();
});

test("a schema's name is a plain one", async () => {
  for (const schema of ["", 'x"; DROP TABLE y; --', "pg_x", "1x", "x$holdfast$", "x".repeat(64)]) {
    assert.throws(() => migrationSql(schema), RangeError);
    await assert.rejects(postgresFromUrl(server.url, { schema }), RangeError);
  }
});

test("40 waiters hold no connection: a pool of 2 serves all, in order, and nothing is logged", async () => {
  const before = server.log().length;
  const pool = poolOf(server.url, 2);
  const backend = postgres(pool);
  const { id, heard } = await opened(backend, "waiters");
  const ids = Array.from({ length: 41 }, (_, index) => `${id}:${index}`);
  for (const leaseId of ids) await admit(backend, "r", leaseId);
  assert.equal(pool.waitingCount, 0);
  assert.equal(pool.idleCount, pool.totalCount);
  for (const [index, leaseId] of ids.entries()) {
    if (index > 0) await until(`${leaseId} is granted`, () => heard.granted.includes(leaseId));
    await release(backend, "r", leaseId);
  }
  assert.deepEqual(heard.granted, ids.slice(1));
  await backend.close();
  await pool.end();
  assert.doesNotMatch(server.log().slice(before), /ERROR|FATAL/);
});

test("a serializable default: contended steps are made again until they succeed", async () => {
  const setting = encodeURIComponent("-c default_transaction_isolation=serializable");
  const pool = poolOf(`${server.url}?options=${setting}`);
  const backend = postgres(pool);
  const { id } = await opened(backend, "serializable");
  const kinds = await Promise.all(
    Array.from({ length: 12 }, async (_, index) => (await admit(backend, "r", `${id}:${index}`)).kind),
  );
  assert.equal(kinds.filter((kind) => kind === "granted").length, 1);
  await backend.close();
  await pool.end();
});

test("batches that overlap in opposite orders do not deadlock", async () => {
  const before = server.log().length;
  const backend = await postgresFromUrl(server.url);
  const { id } = await opened(backend, "batches");
  const names = Array.from({ length: 20 }, (_, index) => `r${index}`);
  let count = 0;
  await Promise.all(
    Array.from({ length: 12 }, async (_, round) => {
      const order = round % 2 === 0 ? names : [...names].reverse();
      const leases = order.map((resource) => ({ resource, leaseId: `${id}:${(count += 1)}` }));
      const terms = { permits: 1, capacity: 1, ttlMs: 10_000, wait: true };
      await backend.admit(leases.map((lease) => ({ ...lease, ...terms })));
      await backend.write(
        order.map((key) => ({ collection: "c", key, value: "1", revision: `${round}`, opId: `${round}` })),
      );
      await backend.release(leases);
    }),
  );
  await backend.close();
  assert.doesNotMatch(server.log().slice(before), /deadlock|ERROR/);
});

test("diagnosis says what follows for safety", async () => {
  const own = await startPostgres(["synchronous_commit=off"]);
  const backend = await postgresFromUrl(own.url);
  await opened(backend, "doctor");
  const findings = (await backend.diagnose?.()) ?? [];
  const levels = Object.fromEntries(findings.map(({ subject, level }) => [subject, level]));
  assert.deepEqual(levels, {
    version: "ok",
    role: "ok",
    encoding: "ok",
    isolation: "ok",
    durability: "danger",
    replication: "ok",
    pooler: "ok",
    clock: "ok",
  });
  await backend.close();
  await own.stop();
});

test("an idle process with a URL's connections ends by itself", async () => {
  const child = fork(new URL("./postgres-idle-process.js", import.meta.url), [server.url]);
  const code = await Promise.race([
    new Promise((resolve) => child.once("exit", resolve)),
    wait(8_000, "still running", { ref: false }),
  ]);
  child.kill("SIGKILL");
  assert.equal(code, 0);
});
