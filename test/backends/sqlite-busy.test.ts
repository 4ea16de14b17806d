import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { BackendError } from "holdfast";
import { sqlite } from "holdfast/sqlite";
import { connection, directoryOf, mutex, opened, sessionOf } from "./sqlite-harness.ts";

test("a call waits for another's transaction while the event loop goes on", async (t) => {
  const file = join(directoryOf(t), "a.db");
  const backend = await opened(t, sqlite(file), sessionOf("p"));
  const other = connection(file);
  other.exec("BEGIN IMMEDIATE");
  let turns = 0;
  const ticking = setInterval(() => (turns += 1), 5);
  const admission = backend.admit([mutex("r", "p:1")]);
  await wait(200);
  other.exec("COMMIT");
  const { results } = await admission;
  clearInterval(ticking);
  assert.equal(results[0]?.kind, "granted");
  assert.ok(turns >= 10, `the event loop turned ${turns} times in 200 ms`);
});

test("reading does not wait for a writer", async (t) => {
  const file = join(directoryOf(t), "a.db");
  const backend = await opened(t, sqlite(file), sessionOf("p"));
  await backend.write([{ collection: "c", key: "k", value: "1", revision: "1", opId: "1" }]);
  const other = connection(file);
  other.exec("BEGIN IMMEDIATE");
  const write = backend.write([{ collection: "c", key: "k", value: "2", revision: "2", opId: "2" }]);
  await wait(20);
  assert.equal((await backend.read("c", "k"))?.value, "1");
  other.exec("UPDATE holdfast_version SET value = '3'");
  other.exec("COMMIT");
  assert.equal((await backend.read("c", "k"))?.value, "3", "what others committed shows at once");
  assert.equal((await write).kind, "written");
});

test("a file that stays locked is told as not-applied, and nothing was done", async (t) => {
  const file = join(directoryOf(t), "a.db");
  const backend = await opened(t, sqlite(file, { busyMs: 100 }), sessionOf("p"));
  const other = connection(file);
  other.exec("BEGIN IMMEDIATE");
  await assert.rejects(backend.admit([mutex("r", "p:1")]), (error) => {
    assert.ok(error instanceof BackendError);
    assert.equal(error.outcome, "not-applied");
    assert.match(error.message, /stayed locked for \d+ ms/);
    return true;
  });
  other.exec("ROLLBACK");
  assert.equal((await backend.inspect("r")).places.length, 0);
  assert.equal((await backend.admit([mutex("r", "p:2")])).results[0]?.kind, "granted");
});

test("closing ends the calls that wait", async (t) => {
  const file = join(directoryOf(t), "a.db");
  const backend = await opened(t, sqlite(file), sessionOf("p"));
  const other = connection(file);
  other.exec("BEGIN IMMEDIATE");
  const admission = backend.admit([mutex("r", "p:1")]);
  await wait(20);
  await backend.close();
  await assert.rejects(admission, BackendError);
  await assert.rejects(backend.read("c", "k"), /it is closed/);
  other.exec("ROLLBACK");
});

test("on the application's handle, calls wait until its own transaction is over", async (t) => {
  const file = join(directoryOf(t), "a.db");
  const handle = connection(file);
  const backend = await opened(t, sqlite(handle), sessionOf("p"));
  handle.exec("CREATE TABLE mine (x)");
  handle.exec("BEGIN");
  handle.exec("INSERT INTO mine VALUES (1)");
  const admission = backend.admit([mutex("r", "p:1")]);
  await wait(30);
  handle.exec("ROLLBACK");
  assert.equal((await admission).results[0]?.kind, "granted");
  const { count } = handle.prepare("SELECT count(*) AS count FROM mine").get() as { count: number };
  assert.equal(count, 0, "what the application rolled back is gone");
  await backend.close();
  assert.ok(handle.prepare("SELECT 1").get(), "and its handle is still open");
});

test("a step that fails takes no others of its transaction with it", async (t) => {
  const backend = await opened(t, sqlite(join(directoryOf(t), "a.db")), sessionOf("p"));
  const unbindable = { toString: () => "x" } as unknown as string;
  const answers = await Promise.allSettled([
    backend.write([{ collection: "c", key: "before", value: "1", revision: "1", opId: "1" }]),
    backend.write([
      { collection: "c", key: "half", value: "1", revision: "2", opId: "2" },
      { collection: "c", key: "other half", value: unbindable, revision: "2", opId: "2" },
    ]),
    backend.write([{ collection: "c", key: "after", value: "1", revision: "3", opId: "3" }]),
  ]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  const rejected = answers[1] as PromiseRejectedResult;
  assert.equal((rejected.reason as BackendError).outcome, "not-applied");
  const keys = (await backend.scan("c", { limit: 10 })).map(({ key }) => key);
  assert.deepEqual(keys, ["after", "before"]);
});

test("a call with thousands of requests lets the event loop turn in between", async (t) => {
  const backend = await opened(t, sqlite(join(directoryOf(t), "a.db")), sessionOf("p"));
  let turns = 0;
  let counting = true;
  const count = (): void => {
    turns += 1;
    if (counting) setImmediate(count);
  };
  setImmediate(count);
  const { results } = await backend.admit(
    Array.from({ length: 2_000 }, (_, index) => mutex(`r${index}`, `p:${index}`)),
  );
  counting = false;
  assert.equal(results.filter(({ kind }) => kind === "granted").length, 2_000);
  assert.ok(turns >= 5, `${turns} turns`);
  t.diagnostic(`${turns} turns of the event loop`);
});

test("a loop that awaits call after call does not starve timers", async (t) => {
  const backend = await opened(t, sqlite(join(directoryOf(t), "a.db")), sessionOf("p"));
  const fired = AbortSignal.timeout(20);
  const until = performance.now() + 2_000;
  for (let at = 0; !fired.aborted && performance.now() < until; at += 1) {
    await backend.admit([mutex("r", `p:${at}`)]);
    await backend.release([{ resource: "r", leaseId: `p:${at}` }]);
  }
  assert.ok(fired.aborted);
});
