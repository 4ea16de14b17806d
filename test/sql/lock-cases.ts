import assert from "node:assert/strict";
import { test } from "node:test";
import { LockTimeoutError } from "holdfast";
import { lockInTransaction } from "holdfast/sql";
import type { Database } from "./database.ts";
import { ending, inTransaction, untilWaiting, withSessions } from "./stage.ts";

export function lockCases(open: () => Database): void {
  test("a lock: read, think, write by many at once loses nothing", async () => {
    const database = open();
    await withSessions(database, 8, async (...sessions) => {
      const [first] = sessions;
      await first!.run("INSERT INTO deals VALUES (100, 'counter', 0, 1)");
      const add = async (session: (typeof sessions)[number]): Promise<void> => {
        for (let round = 0; round < 5; round += 1) {
          await inTransaction(session, async () => {
            await lockInTransaction(session.tx, "counter");
            const [row] = await session.run("SELECT calls FROM deals WHERE id = 100");
            await session.run(`UPDATE deals SET calls = ${Number(row?.["calls"]) + 1} WHERE id = 100`);
          });
        }
      };
      // Made first by one, because the first row of a name is a case of its own.
      await inTransaction(first!, () => lockInTransaction(first!.tx, "counter"));
      await Promise.all(sessions.map(add));
      const [row] = await first!.run("SELECT calls FROM deals WHERE id = 100");
      assert.equal(Number(row?.["calls"]), 40);
    });
  });

  for (const outcome of ["commit", "rollback"] as const) {
    test(`a lock is held until the ${outcome}, and not longer`, async () => {
      const database = open();
      await withSessions(database, 2, async (a, b) => {
        const name = `until ${outcome}`;
        await a!.begin();
        await lockInTransaction(a!.tx, name);
        await lockInTransaction(a!.tx, name); // again, as one transaction may
        await b!.begin();
        let isHeld = false;
        const waiting = lockInTransaction(b!.tx, name).then(() => (isHeld = true));
        await untilWaiting(database, 1);
        assert.equal(isHeld, false);
        await a![outcome]();
        await waiting;
        await b!.commit();
      });
    });
  }

  test("a lock that was waited for shows what its last holder committed", async () => {
    const database = open();
    await withSessions(database, 2, async (a, b) => {
      await a!.run("INSERT INTO deals VALUES (101, 'new', 0, 1)");
      await inTransaction(a!, () => lockInTransaction(a!.tx, "fresh"));
      await a!.begin();
      await lockInTransaction(a!.tx, "fresh");
      await a!.run("UPDATE deals SET calls = 7 WHERE id = 101");
      await b!.begin();
      const waiting = lockInTransaction(b!.tx, "fresh");
      await untilWaiting(database, 1);
      await a!.commit();
      await waiting;
      const [row] = await b!.run("SELECT calls FROM deals WHERE id = 101");
      assert.equal(Number(row?.["calls"]), 7);
      await b!.commit();
    });
  });

  test("who gets no lock in time goes on in the same transaction, with the settings of before", async () => {
    const database = open();
    await withSessions(database, 2, async (holder, other) => {
      const [before] = await other!.run(database.limitOf);
      await holder!.begin();
      await lockInTransaction(holder!.tx, "busy");
      await other!.begin();
      await other!.run("INSERT INTO deals VALUES (102, 'before', 0, 1)");
      for (const waitMs of [0, 30]) {
        const asked = lockInTransaction(other!.tx, "busy", { waitMs });
        const error = await asked.catch((reason: unknown) => reason);
        assert.ok(error instanceof LockTimeoutError, String(error));
        assert.deepEqual([error.resource, error.waitMs], ["busy", waitMs]);
        assert.deepEqual((await other!.run(database.limitOf))[0], before);
      }
      await other!.run("INSERT INTO deals VALUES (103, 'after', 0, 1)");
      await lockInTransaction(other!.tx, "free", { waitMs: 5_000 });
      await other!.commit();
      assert.equal((await holder!.run("SELECT id FROM deals WHERE id IN (102, 103)")).length, 2);
      await holder!.rollback();
      assert.deepEqual((await other!.run(database.limitOf))[0], before);
    });
  });

  test("a bounded wait that is served: held until the commit, with the settings of before", async () => {
    const database = open();
    await withSessions(database, 3, async (a, b, c) => {
      const [before] = await b!.run(database.limitOf);
      await inTransaction(a!, () => lockInTransaction(a!.tx, "served"));
      await a!.begin();
      await lockInTransaction(a!.tx, "served");
      await b!.begin();
      const waiting = lockInTransaction(b!.tx, "served", { waitMs: 20_000 });
      await untilWaiting(database, 1);
      await a!.commit();
      await waiting;
      assert.deepEqual((await b!.run(database.limitOf))[0], before);
      await c!.begin();
      assert.equal(await ending(lockInTransaction(c!.tx, "served", { waitMs: 0 })), "LOCK_TIMEOUT");
      await b!.commit();
      await lockInTransaction(c!.tx, "served", { waitMs: 0 });
      await c!.commit();
    });
  });

  test("names are taken as they are, and namespaces apart", async () => {
    const long = "ä".repeat(512);
    const names = ["a", "A", "a ", " a", "á", "a'", 'a"`\\', "?", "$1", "100%", long, `${long.slice(1)}ö`];
    await withSessions(open(), 2, async (a, b) => {
      await a!.begin();
      await b!.begin();
      for (const [index, name] of names.entries()) {
        await lockInTransaction(index % 2 === 0 ? a!.tx : b!.tx, name, { waitMs: 0 });
      }
      await lockInTransaction(b!.tx, "a", { namespace: "elsewhere", waitMs: 0 });
      assert.equal(await ending(lockInTransaction(b!.tx, "a", { waitMs: 0 })), "LOCK_TIMEOUT");
      await a!.commit();
      await b!.commit();
    });
  });

  test("outside of a transaction it is refused: it would be released at once", async () => {
    const database = open();
    const pool = database.pool();
    await withSessions(database, 1, async (session) => {
      for (const tx of [session!.tx, pool.tx]) {
        for (const options of [{}, { waitMs: 0 }, { waitMs: 50 }]) {
          await assert.rejects(lockInTransaction(tx, "alone", options), /inside an open transaction/);
        }
      }
      await inTransaction(session!, () => lockInTransaction(session!.tx, "alone"));
    });
    await pool.end();
  });

  test("outside of a transaction it is refused also when the lock is busy", async () => {
    await withSessions(open(), 2, async (holder, session) => {
      await holder!.begin();
      await lockInTransaction(holder!.tx, "busy and alone");
      const bounded = lockInTransaction(session!.tx, "busy and alone", { waitMs: 50 });
      await assert.rejects(bounded, /inside an open transaction/);
      await holder!.commit();
    });
  });
}
