import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { after, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { BackendError } from "holdfast";
import type { Backend } from "holdfast/backend";
import { mysql, mysqlFromUrl } from "holdfast/mysql";
import { FaultProxy } from "holdfast/testkit";
import { poolOf } from "../servers/mysql-environment.ts";
import { startMysql } from "../servers/mysql.ts";
import { admit, answers, opened, release, until } from "./mysql-process.ts";

const server = await startMysql();
after(() => server.stop());

process.on("unhandledRejection", (reason) => assert.fail(`unhandled rejection: ${String(reason)}`));

const failureOf = (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => error);

/** A holder and a waiter of the resource "r". */
async function pair(
  one: Backend,
  two: Backend,
  namespace: string,
): Promise<{ a: Awaited<ReturnType<typeof opened>>; b: Awaited<ReturnType<typeof opened>> }> {
  const [a, b] = [await opened(one, namespace), await opened(two, namespace)];
  assert.equal((await admit(one, "r", `${a.id}:1`)).kind, "granted");
  assert.equal((await admit(two, "r", `${b.id}:1`)).kind, "waiting");
  return { a, b };
}

/** Sessions other than the one that asks. */
const SESSIONS =
  "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND command <> 'Daemon'";

test("killed sessions: the pool heals, waiters look, leases and the queue are as before", async () => {
  const own = await startMysql();
  const [holder, waiter] = await Promise.all([mysqlFromUrl(own.url), mysqlFromUrl(own.url)]);
  const { a, b } = await pair(holder, waiter, "killed");
  for (const { id } of await own.query(SESSIONS)) await own.query(`KILL ${Number(id)}`).catch(() => []);
  await until("told to look", () => b.heard.looks > 0);
  await until("serves", async () => (await answers(holder)) && answers(waiter));
  assert.equal((await admit(holder, "r", `${a.id}:1`)).kind, "granted");
  assert.equal(await release(holder, "r", `${a.id}:1`), "released");
  await until("the grant is pushed", () => b.heard.granted.includes(`${b.id}:1`));
  await holder.close();
  await waiter.close();
  await own.stop();
});

test("a session killed during a step: outcome unknown, nothing done, the next call is served", async () => {
  const backend = await mysqlFromUrl(server.url);
  const { id } = await opened(backend, "blocked");
  await admit(backend, "blocked", `${id}:1`);
  const blocker = poolOf(server.url, 1);
  const client = await blocker.getConnection();
  await client.query("BEGIN");
  await client.query(
    "SELECT 1 FROM holdfast_lock AS l JOIN holdfast_space AS s ON s.id = l.space " +
      "WHERE s.namespace = 'blocked' AND l.name = 'blocked' FOR UPDATE",
  );
  const step = failureOf(release(backend, "blocked", `${id}:1`));
  const blocked =
    "SELECT id FROM information_schema.processlist WHERE info LIKE 'UPDATE holdfast_lock%' AND time_ms > 200";
  await until("the step waits for the row", async () => (await server.query(blocked)).length > 0);
  for (const each of await server.query(blocked)) await server.query(`KILL ${Number(each["id"])}`);
  const error = await step;
  assert.ok(error instanceof BackendError && error.outcome === "unknown", String(error));
  await client.query("ROLLBACK");
  client.release();
  await blocker.end();
  assert.equal(await release(backend, "blocked", `${id}:1`), "released");
  await backend.close();
});

test("killed by SIGKILL: not applied while it is down; leases, queue and tokens outlive it", async () => {
  const own = await startMysql();
  const [holder, waiter] = await Promise.all([mysqlFromUrl(own.url), mysqlFromUrl(own.url)]);
  const { a, b } = await pair(holder, waiter, "restart");
  const before = await admit(holder, "r", `${a.id}:1`);
  await own.kill();
  await until("notices", async () => !(await answers(holder)));
  const refused = await failureOf(admit(holder, "r", `${a.id}:2`));
  assert.ok(refused instanceof BackendError && refused.outcome === "not-applied", String(refused));
  await own.start();
  await until("told to look", () => b.heard.looks > 0);
  await until("serves", () => answers(holder));
  assert.deepEqual(await admit(holder, "r", `${a.id}:1`), before);
  await release(holder, "r", `${a.id}:1`);
  await until("the grant is pushed", () => b.heard.granted.includes(`${b.id}:1`));
  const after = await admit(waiter, "r", `${b.id}:1`);
  assert.ok(before.kind === "granted" && after.kind === "granted" && after.token > before.token);
  await holder.close();
  await waiter.close();
  await own.stop();
});

test("a frozen server: every call fails in time, and it is used again when it thaws", async () => {
  const own = await startMysql();
  const pool = poolOf(own.url, 2);
  const backend = mysql(pool, { callMs: 1_000 });
  const { id } = await opened(backend, "frozen");
  await admit(backend, "r", `${id}:1`);
  own.freeze();
  const outcomes = await Promise.all(
    ["a", "b", "c", "d", "e"].map(async (name) => {
      const error = await failureOf(admit(backend, name, `${id}:${name}`));
      return error instanceof BackendError ? error.outcome : String(error);
    }),
  );
  const possible = new Set(["unknown", "not-applied"]);
  assert.ok(outcomes.every((outcome) => possible.has(outcome)), String(outcomes));
  own.thaw();
  await until("serves", () => answers(backend));
  assert.equal((await admit(backend, "a", `${id}:a`)).kind, "granted");
  assert.equal((await backend.inspect("a")).places.length, 1);
  await backend.close();
  await pool.end();
  await own.stop();
});

test("a lost reply: outcome unknown, and the same call again gives the one place there is", async () => {
  const proxy = await FaultProxy.start({ port: server.port });
  const backend = await mysqlFromUrl(server.url.replace(`:${server.port}`, `:${proxy.port}`));
  const { id } = await opened(backend, "lost");
  // Prepared on this connection, so that the request that is looked for is the step itself.
  await admit(backend, "first", `${id}:first`);
  const lost = proxy.dropNextReply((request) => request.includes(`${id}:once`));
  const error = await failureOf(admit(backend, "r", `${id}:once`));
  await lost;
  assert.ok(error instanceof BackendError && error.outcome === "unknown", String(error));
  await until("serves", () => answers(backend));
  assert.equal((await admit(backend, "r", `${id}:once`)).kind, "granted");
  assert.equal((await backend.inspect("r")).places.length, 1);
  await backend.close();
  await proxy.close();
});

test("a black hole: calls fail in time; when it heals a new session has the bell, and hears", async () => {
  const proxy = await FaultProxy.start({ port: server.port });
  const url = server.url.replace(`:${server.port}`, `:${proxy.port}`);
  const [holder, waiter] = await Promise.all([
    mysqlFromUrl(server.url),
    mysqlFromUrl(url, { callMs: 1_000 }),
  ]);
  const { a, b } = await pair(holder, waiter, "hole");
  proxy.blackhole();
  const error = await failureOf(admit(waiter, "a", `${b.id}:a`));
  assert.ok(error instanceof BackendError, String(error));
  // The grant is sent into the hole. Its connection has lost something, and breaks when that shows.
  await release(holder, "r", `${a.id}:1`);
  await wait(200);
  proxy.heal();
  await until("told to look", () => b.heard.looks > 0, 30_000);
  await until("serves", () => answers(waiter));
  assert.equal((await admit(waiter, "r", `${b.id}:1`)).kind, "granted");
  await admit(holder, "q", `${a.id}:2`);
  await admit(waiter, "q", `${b.id}:2`);
  await release(holder, "q", `${a.id}:2`);
  await until("the grant is pushed", () => b.heard.granted.includes(`${b.id}:2`));
  await holder.close();
  await waiter.close();
  await proxy.close();
});

test("a sleeping session that others interrupt, or that has no time to sleep, misses nothing", async () => {
  const own = await startMysql(["max-statement-time=0.05"]);
  const [holder, waiter] = await Promise.all([mysqlFromUrl(own.url), mysqlFromUrl(own.url)]);
  const { a, b } = await pair(holder, waiter, "interrupted");
  for (const { id } of await own.query(SESSIONS)) await own.query(`KILL QUERY ${Number(id)}`).catch(() => []);
  await release(holder, "r", `${a.id}:1`);
  await until("the grant is pushed", () => b.heard.granted.includes(`${b.id}:1`));
  assert.equal(b.heard.looks, 0, "the channel held");
  await holder.close();
  await waiter.close();
  await own.stop();
});

test("40 waiters hold no connection: a pool of 2 serves all, in order, and nothing is logged", async () => {
  const before = server.log().length;
  const pool = poolOf(server.url, 2);
  const backend = mysql(pool);
  const { id, heard } = await opened(backend, "waiters");
  const ids = Array.from({ length: 41 }, (_, index) => `${id}:${index}`);
  for (const leaseId of ids) await admit(backend, "r", leaseId);
  assert.ok(await answers(backend));
  for (const [index, leaseId] of ids.entries()) {
    if (index > 0) await until(`${leaseId} is granted`, () => heard.granted.includes(leaseId));
    await release(backend, "r", leaseId);
  }
  assert.deepEqual(heard.granted, ids.slice(1));
  await backend.close();
  await pool.end();
  assert.doesNotMatch(server.log().slice(before), /ERROR/);
});

test("20 processes that wait cause fewer than 200 statements a second in all", async () => {
  const own = await startMysql();
  const backends = await Promise.all(Array.from({ length: 20 }, () => mysqlFromUrl(own.url)));
  for (const backend of backends) {
    const { id } = await opened(backend, "many");
    await admit(backend, "r", `${id}:1`);
  }
  const statements = async (): Promise<number> =>
    Number((await own.query("SHOW GLOBAL STATUS LIKE 'Questions'"))[0]?.["Value"]);
  const start = performance.now();
  const before = await statements();
  await wait(2_000);
  const perSecond = ((await statements()) - before) / ((performance.now() - start) / 1_000);
  assert.ok(perSecond < 200, `${perSecond} a second`);
  await Promise.all(backends.map((backend) => backend.close()));
  await own.stop();
});

test("an idle process with a URL's connections ends by itself", async () => {
  const child = fork(new URL("./mysql-idle-process.js", import.meta.url), [server.url]);
  const code = await Promise.race([
    new Promise((resolve) => child.once("exit", resolve)),
    wait(20_000, "still running", { ref: false }),
  ]);
  child.kill("SIGKILL");
  assert.equal(code, 0);
});
