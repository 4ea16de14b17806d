import assert from "node:assert/strict";
import { after, test } from "node:test";
import { BackendError, LockTimeoutError } from "holdfast";
import { fence, lockInTransaction } from "holdfast/sql";
import { startPgBouncer, startPostgres } from "../servers/postgres.ts";
import { compareAndSetCases } from "./compare-and-set-cases.ts";
import { migrated, postgresAt } from "./database.ts";
import { fenceCases } from "./fence-cases.ts";
import { lockCases } from "./lock-cases.ts";
import { untilWaiting, withSessions } from "./stage.ts";

const server = await startPostgres();
after(() => server.stop());
const database = await migrated(postgresAt(server.url));

lockCases(() => database);
fenceCases(() => database);
compareAndSetCases(() => database);

test("the session's own lock_timeout bounds the wait, and leaves the transaction usable too", async () => {
  await withSessions(database, 2, async (holder, other) => {
    await holder!.begin();
    await lockInTransaction(holder!.tx, "own limit");
    await other!.run("SET lock_timeout = '70ms'");
    await other!.begin();
    const error = await lockInTransaction(other!.tx, "own limit").catch((reason: unknown) => reason);
    assert.ok(error instanceof LockTimeoutError && error.waitMs === 70, String(error));
    assert.deepEqual(await other!.run(database.limitOf), [{ value: "70ms" }]);
    await other!.commit();
    await holder!.rollback();
  });
});

test("a wait that ran out leaves no lock behind, whatever the server did in that moment", async () => {
  await withSessions(database, 2, async (holder, other) => {
    await other!.begin();
    for (let round = 0; round < 5; round += 1) {
      await holder!.begin();
      await lockInTransaction(holder!.tx, "brink");
      await assert.rejects(lockInTransaction(other!.tx, "brink", { waitMs: 5 }), LockTimeoutError);
      await holder!.commit();
      const locks = await other!.run(
        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
      );
      assert.equal(locks.length, 0);
    }
    await other!.commit();
  });
});

test("outside of a transaction it is refused also after a wait", async () => {
  await withSessions(database, 2, async (holder, session) => {
    await holder!.begin();
    await lockInTransaction(holder!.tx, "waited alone");
    const refused = assert.rejects(
      lockInTransaction(session!.tx, "waited alone"),
      /inside an open transaction/,
    );
    await untilWaiting(database, 1);
    await holder!.commit();
    await refused;
  });
});

test("behind PgBouncer in transaction mode: held until the end of the transaction", async () => {
  const bouncer = await startPgBouncer(server);
  await withSessions(postgresAt(bouncer.url), 2, async (a, b) => {
    await a!.begin();
    await lockInTransaction(a!.tx, "bounced");
    await b!.begin();
    for (const waitMs of [0, 30]) {
      await assert.rejects(lockInTransaction(b!.tx, "bounced", { waitMs }), LockTimeoutError);
    }
    const waiting = lockInTransaction(b!.tx, "bounced", { waitMs: 20_000 });
    await untilWaiting(database, 1);
    await a!.commit();
    await waiting;
    await fence(b!.tx, "bounced", 1n);
    await b!.commit();
    await assert.rejects(lockInTransaction(a!.tx, "bounced"), /inside an open transaction/);
  });
  await bouncer.stop();
});

test("a missing table is named, with the remedy", async () => {
  await withSessions(database, 1, async (session) => {
    await session!.run("CREATE SCHEMA empty");
    await session!.run("SET search_path = empty");
    await session!.begin();
    const error = await fence(session!.tx, "r", 1n).catch((reason: unknown) => reason);
    assert.ok(error instanceof BackendError && error.outcome === "not-applied", String(error));
    assert.match(error.message, /sqlMigration\("postgres"\)/);
    await session!.rollback();
  });
});

test("contention without a bound writes no error into the server's log", async () => {
  const before = server.log().split("ERROR").length;
  await withSessions(database, 2, async (a, b) => {
    await a!.begin();
    await lockInTransaction(a!.tx, "quiet");
    await b!.begin();
    await assert.rejects(lockInTransaction(b!.tx, "quiet", { waitMs: 0 }), LockTimeoutError);
    const waiting = lockInTransaction(b!.tx, "quiet");
    await untilWaiting(database, 1);
    await a!.commit();
    await waiting;
    await b!.commit();
  });
  assert.equal(server.log().split("ERROR").length, before);
});
