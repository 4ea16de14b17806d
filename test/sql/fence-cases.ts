import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { StaleTokenError } from "holdfast";
import { fence } from "holdfast/sql";
import { ISOLATIONS, type Database } from "./database.ts";
import { ending, inTransaction, untilWaiting, withSessions } from "./stage.ts";

export function fenceCases(open: () => Database): void {
  test("a fence keeps the highest token: lower is refused, equal passes, to the last bit", async () => {
    const highest = 2n ** 63n - 1n;
    await withSessions(open(), 1, async (session) => {
      const passes = (token: bigint): Promise<string | undefined> =>
        ending(inTransaction(session!, () => fence(session!.tx, "bits", token)));
      assert.equal(await passes(5n), undefined);
      assert.equal(await passes(5n), undefined);
      assert.equal(await passes(highest - 1n), undefined);
      assert.equal(await passes(highest - 2n), "STALE_TOKEN");
      assert.equal(await passes(highest), undefined);
      assert.equal(await passes(highest - 1n), "STALE_TOKEN");
      await session!.begin();
      await fence(session!.tx, "bits", 1n, { namespace: "elsewhere" });
      await fence(session!.tx, "Bits", 1n);
      const error = await fence(session!.tx, "bits", 1n).catch((reason: unknown) => reason);
      assert.ok(error instanceof StaleTokenError && error.token === 1n && error.resource === "bits");
      await session!.run("INSERT INTO deals VALUES (200, 'usable', 0, 1)");
      await session!.commit();
    });
  });

  test("a token of a transaction that rolled back counts for nothing", async () => {
    await withSessions(open(), 1, async (session) => {
      await session!.begin();
      await fence(session!.tx, "rolled back", 9n);
      await session!.rollback();
      await inTransaction(session!, () => fence(session!.tx, "rolled back", 8n));
    });
  });

  for (const isolation of ISOLATIONS) {
    describe(`two transactions at once, at ${isolation}`, () => {
      for (const row of ["not yet there", "there"] as const) {
        test(`the fence's row ${row}: a lower token waits, and never passes a higher one`, async () => {
          const database = open();
          await withSessions(database, 2, async (higher, lower) => {
            const resource = `${isolation} ${row}`;
            if (row === "there") await inTransaction(higher!, () => fence(higher!.tx, resource, 3n));
            await lower!.begin(isolation);
            await lower!.run("SELECT count(*) FROM deals WHERE id = -1"); // its snapshot is of before
            await higher!.begin(isolation);
            await fence(higher!.tx, resource, 5n);
            const step = ending(fence(lower!.tx, resource, 4n));
            await untilWaiting(database, 1);
            await higher!.commit();
            assert.ok(["STALE_TOKEN", "again"].includes((await step) ?? "passed"));
            await lower!.rollback();
            const again = inTransaction(lower!, () => fence(lower!.tx, resource, 4n), isolation);
            assert.equal(await ending(again), "STALE_TOKEN");
          });
        });

        test(`the fence's row ${row}: a higher token comes after the lower one has committed`, async () => {
          const database = open();
          await withSessions(database, 2, async (lower, higher) => {
            const resource = `${isolation} ${row}, in order`;
            if (row === "there") await inTransaction(lower!, () => fence(lower!.tx, resource, 3n));
            await higher!.begin(isolation);
            await higher!.run("SELECT count(*) FROM deals WHERE id = -1");
            await lower!.begin(isolation);
            await fence(lower!.tx, resource, 4n);
            let isPassed = false;
            const step = ending(fence(higher!.tx, resource, 5n)).finally(() => (isPassed = true));
            await untilWaiting(database, 1);
            assert.equal(isPassed, false);
            await lower!.commit();
            if ((await step) === undefined) await higher!.commit();
            else await higher!.rollback();
            await inTransaction(higher!, () => fence(higher!.tx, resource, 5n), isolation);
          });
        });
      }
    });
  }

  test("outside of a transaction it is refused: it would guard nothing", async () => {
    const database = open();
    const pool = database.pool();
    await withSessions(database, 1, async (session) => {
      for (const tx of [session!.tx, pool.tx]) {
        await assert.rejects(fence(tx, "alone", 1n), /inside an open transaction/);
      }
    });
    await pool.end();
  });
}
