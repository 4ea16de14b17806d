import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConflictError } from "holdfast";
import { compareAndSet } from "holdfast/sql";
import { ISOLATIONS, type Database } from "./database.ts";
import { ending, inTransaction, withSessions } from "./stage.ts";

interface Deal {
  readonly id: number;
  readonly stage: string;
  readonly calls: number;
  readonly revision: number | string;
}

const deal = (id: number, revision: number | bigint | string) => ({ table: "deals", key: { id }, revision });

export function compareAndSetCases(open: () => Database): void {
  for (const [index, isolation] of ISOLATIONS.entries()) {
    describe(`at ${isolation}`, () => {
      test("of many that read the same revision exactly one writes", async () => {
        const id = 300 + index;
        await withSessions(open(), 6, async (...sessions) => {
          const [first] = sessions;
          await first!.run(`INSERT INTO deals VALUES (${id}, 'new', 0, 1)`);
          for (let revision = 1; revision <= 5; revision += 1) {
            const endings = await Promise.all(
              sessions.map((session, calls) =>
                ending(
                  inTransaction(
                    session,
                    () => compareAndSet(session.tx, deal(id, revision), { calls }),
                    isolation,
                  ),
                ),
              ),
            );
            assert.equal(endings.filter((each) => each === undefined).length, 1, endings.join());
            assert.ok(endings.every((each) => [undefined, "CONFLICT", "again"].includes(each)));
          }
          const [row] = await first!.run(`SELECT revision FROM deals WHERE id = ${id}`);
          assert.equal(Number(row?.["revision"]), 6);
        });
      });

      test("a snapshot of before does not hide what others have committed since", async () => {
        const id = 310 + index;
        await withSessions(open(), 2, async (mine, theirs) => {
          await mine!.run(`INSERT INTO deals VALUES (${id}, 'new', 0, 1)`);
          await mine!.begin(isolation);
          // Not of the row itself: at SERIALIZABLE MySQL locks what is read.
          await mine!.run("SELECT count(*) FROM deals WHERE id = -1");
          await inTransaction(theirs!, () => compareAndSet(theirs!.tx, deal(id, 1), { stage: "won" }));
          const error = await compareAndSet(mine!.tx, deal(id, 1), { stage: "lost" }).catch(
            (reason: unknown) => reason,
          );
          if (error instanceof ConflictError) assert.equal(error.theirs?.revision, "2");
          else assert.equal(await ending(Promise.reject(error)), "again");
          await mine!.rollback();
        });
      });
    });
  }

  test("the new row comes back; a conflict has the row as it is, in a transaction still usable", async () => {
    await withSessions(open(), 1, async (session) => {
      await session!.run("INSERT INTO deals VALUES (320, 'new', 0, 1)");
      await session!.begin();
      const won = await compareAndSet<Deal>(session!.tx, deal(320, 1), { stage: "won" });
      const expected = { id: 320, stage: "won", calls: 0, revision: 2 };
      assert.deepEqual({ ...won, revision: Number(won.revision) }, expected);
      const error = await compareAndSet(session!.tx, deal(320, 1), { stage: "lost", calls: 0 }).catch(
        (reason: unknown) => reason,
      );
      assert.ok(error instanceof ConflictError, String(error));
      assert.deepEqual([error.key, error.base, error.fields], ["deals(id=320)", "1", ["stage"]]);
      assert.deepEqual(error.mine, { stage: "lost", calls: 0 });
      assert.deepEqual(error.theirs?.value, won);
      // No read is needed to decide anew; the revision is what the client itself gave.
      const { revision } = error.theirs!.value as Deal;
      await compareAndSet(session!.tx, deal(320, revision), { stage: "lost" });
      const gone = await compareAndSet(session!.tx, deal(329, 1), {}).catch((reason: unknown) => reason);
      assert.ok(gone instanceof ConflictError && gone.theirs === null, String(gone));
      await session!.commit();
      const [row] = await session!.run("SELECT stage FROM deals WHERE id = 320");
      assert.equal(row?.["stage"], "lost");
    });
  });

  test("revisions of 63 bits are compared to the last bit", async () => {
    await withSessions(open(), 1, async (session) => {
      await session!.run("INSERT INTO deals VALUES (321, 'new', 0, 9007199254740993)");
      await session!.begin();
      for (const near of ["9007199254740992", 9_007_199_254_740_994n]) {
        assert.equal(await ending(compareAndSet(session!.tx, deal(321, near), {})), "CONFLICT");
      }
      await compareAndSet(session!.tx, deal(321, 9_007_199_254_740_993n), {});
      await session!.commit();
    });
  });

  test("names are names and values are values, whatever they say", async () => {
    const database = open();
    const quote = database.dialect === "postgres" ? '"' : "`";
    const quoted = (name: string): string => quote + name.replaceAll(quote, quote + quote) + quote;
    const table = `t"\`'; DROP TABLE deals`;
    const [id, value, version] = ['i"d`', "va'lue -- x", "Version"];
    await withSessions(database, 1, async (session) => {
      await session!.run(
        `CREATE TABLE ${quoted(table)}
          (${quoted(id)} varchar(40), ${quoted(value)} varchar(60), ${quoted(version)} int)`,
      );
      await session!.run(`INSERT INTO ${quoted(table)} VALUES ('o''hara', '', 1)`);
      const evil = `'; DROP TABLE deals; -- ? $1 \\`;
      const target = { table, key: { [id]: "o'hara" }, revision: 1, revisionColumn: version };
      const row = await compareAndSet(session!.tx, target, { [value]: evil });
      assert.deepEqual(row, { [id]: "o'hara", [value]: evil, [version]: 2 });
      for (const name of ["a?b", "a$1", "", "x".repeat(64), "nul\0"]) {
        await assert.rejects(compareAndSet(session!.tx, { ...target, table: name }, {}), RangeError);
        await assert.rejects(compareAndSet(session!.tx, target, { [name]: 1 }), RangeError);
        await assert.rejects(compareAndSet(session!.tx, { ...target, key: { [name]: 1 } }, {}), RangeError);
      }
      await session!.run("SELECT 1 FROM deals");
    });
  });

  test("objects are JSON of a column, and never a part of the statement", async () => {
    await withSessions(open(), 1, async (session) => {
      await session!.run("CREATE TABLE notes (id int, body json, at timestamp NULL, revision int)");
      await session!.run("INSERT INTO notes (id, revision) VALUES (1, 1)");
      const target = { table: "notes", key: { id: 1 }, revision: 1 };
      const body = { id: 7, text: "it's", tags: [] };
      const row = await compareAndSet(session!.tx, target, { body, at: new Date(1_800_000_000_000) });
      assert.deepEqual(typeof row["body"] === "string" ? JSON.parse(row["body"]) : row["body"], body);
      await assert.rejects(compareAndSet(session!.tx, { ...target, key: { id: { id: 1 } } }, {}), TypeError);
    });
  });

  test("a key that is not one is refused", async () => {
    await withSessions(open(), 1, async (session) => {
      await session!.run("INSERT INTO deals VALUES (330, 'twin', 0, 1), (331, 'twin', 0, 1)");
      await session!.begin();
      const twins = { table: "deals", key: { stage: "twin" }, revision: 1 };
      await assert.rejects(compareAndSet(session!.tx, twins, { calls: 1 }), /is 2 rows/);
      await session!.rollback();
      for (const key of [{}, { id: null }, { id: undefined }, { id: [330] }]) {
        await assert.rejects(compareAndSet(session!.tx, { ...twins, key }, { calls: 1 }), TypeError);
      }
      for (const changes of [{ calls: undefined }, { revision: 5 }, { id: 5 }]) {
        await assert.rejects(compareAndSet(session!.tx, deal(330, 1), changes), TypeError);
      }
      for (const revision of [1.5, "x", "", Number.NaN]) {
        await assert.rejects(compareAndSet(session!.tx, deal(330, revision), {}), RangeError);
      }
    });
  });
}
