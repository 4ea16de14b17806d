import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { BackendError, LockTimeoutError } from "holdfast";
import { compareAndSet, lockInTransaction, retrying, type Attempt } from "holdfast/sql";
import { FaultProxy, VirtualClock } from "holdfast/testkit";
import { retryingBy } from "#src/sql/retrying.js";
import { startMysql } from "../servers/mysql.ts";
import { startPostgres } from "../servers/postgres.ts";
import { migrated, mysqlAt, postgresAt, type Database, type Isolation, type Session } from "./database.ts";
import { ending, inTransaction, withSessions } from "./stage.ts";

const [postgres, mariadb] = await Promise.all([startPostgres(), startMysql()]);
after(() => Promise.all([postgres.stop(), mariadb.stop()]));
const stores = [
  { name: "PostgreSQL", port: postgres.port, at: (port: number) => postgresAt(urlOf(postgres.url, port)) },
  { name: "MariaDB", port: mariadb.port, at: (port: number) => mysqlAt(urlOf(mariadb.url, port)) },
];

function urlOf(url: string, port: number): string {
  const other = new URL(url);
  other.port = String(port);
  return other.href;
}

/** The caller's transaction, marked or not. */
function running(
  session: Session,
  { body }: Attempt,
  work: () => Promise<void>,
  isolation?: Isolation,
): Promise<void> {
  return inTransaction(session, body(work), isolation);
}

for (const { name, port, at } of stores) {
  describe(name, async () => {
    const database: Database = await migrated(at(port));

    test("serializable transactions that undo each other all get through, none twice", async () => {
      await withSessions(database, 4, async (...sessions) => {
        await sessions[0]!.run("INSERT INTO deals VALUES (1, 'hot', 0, 1), (2, 'hot', 0, 1)");
        const transfer = (session: Session, from: number, to: number): Promise<void> =>
          retrying(
            (attempt) =>
              running(
                session,
                attempt,
                async () => {
                  const rows = await session.run("SELECT calls FROM deals WHERE id IN (1, 2) ORDER BY id");
                  const calls = (id: number): number => Number(rows[id - 1]?.["calls"]);
                  await session.run(`UPDATE deals SET calls = ${calls(from) + 1} WHERE id = ${from}`);
                  await session.run(`UPDATE deals SET calls = ${calls(to) - 1} WHERE id = ${to}`);
                },
                "SERIALIZABLE",
              ),
            { attempts: 200, deadlineMs: 60_000 },
          );
        await Promise.all(
          sessions.map(async (session, index) => {
            for (let round = 0; round < 4; round += 1) {
              await (index < 3 ? transfer(session, 1, 2) : transfer(session, 2, 1));
            }
          }),
        );
        const rows = await sessions[0]!.run("SELECT calls FROM deals WHERE id IN (1, 2) ORDER BY id");
        assert.deepEqual(rows.map((row) => Number(row["calls"])), [8, -8]);
      });
    });

    test("what is the caller's rejects unchanged, at once", async () => {
      await withSessions(database, 2, async (session, holder) => {
        let runs = 0;
        const failing = (work: () => Promise<void>): Promise<void> =>
          retrying((attempt) => ((runs += 1), running(session!, attempt, work)));
        const mine = new RangeError("mine");
        await assert.rejects(failing(() => Promise.reject(mine)), mine);
        await assert.rejects(failing(async () => void (await session!.run("SELEKT 1"))), /syntax/);
        await session!.run("INSERT INTO deals VALUES (3, 'new', 0, 5)");
        const stale = { table: "deals", key: { id: 3 }, revision: 4 };
        assert.equal(
          await ending(failing(async () => void (await compareAndSet(session!.tx, stale, {})))),
          "CONFLICT",
        );
        await holder!.begin();
        await lockInTransaction(holder!.tx, "held");
        const busy = failing(() => lockInTransaction(session!.tx, "held", { waitMs: 0 }));
        await assert.rejects(busy, LockTimeoutError);
        await holder!.rollback();
        assert.equal(runs, 4);
      });
    });

    for (const isMarked of [true, false]) {
      const how = isMarked ? "marked" : "not marked";
      test(`the reply to COMMIT is lost, body ${how}: unknown, and never run again`, async () => {
        const proxy = await FaultProxy.start({ port });
        const session = await at(proxy.port).session();
        const id = isMarked ? 10 : 11;
        let runs = 0;
        const work = async (): Promise<void> => {
          runs += 1;
          await session.run(`INSERT INTO deals VALUES (${id}, 'new', 0, 1)`);
          void proxy.dropNextReply((request) => request.includes("COMMIT"));
        };
        const error = await retrying((attempt) =>
          inTransaction(session, isMarked ? attempt.body(work) : work),
        ).catch((reason: unknown) => reason);
        assert.ok(error instanceof BackendError && error.outcome === "unknown", String(error));
        assert.equal(runs, 1);
        await withSessions(database, 1, async (witness) => {
          assert.equal((await witness!.run(`SELECT 1 FROM deals WHERE id = ${id}`)).length, 1);
        });
        await proxy.close();
      });

      test(`the connection is lost before the COMMIT, body ${how}: told as what is certain`, async () => {
        const proxy = await FaultProxy.start({ port });
        const session = await at(proxy.port).session();
        let runs = 0;
        const work = async (): Promise<void> => {
          runs += 1;
          await session.run("UPDATE deals SET calls = 99 WHERE id = 12");
          proxy.reset();
          await session.run("SELECT 1");
        };
        const error = await retrying((attempt) =>
          inTransaction(session, isMarked ? attempt.body(work) : work),
        ).catch((reason: unknown) => reason);
        assert.ok(error instanceof BackendError, String(error));
        assert.deepEqual([error.outcome, runs], [isMarked ? "not-applied" : "unknown", 1]);
        await proxy.close();
      });
    }

    test("a session killed by an administrator is a lost connection", async () => {
      await withSessions(database, 1, async (admin) => {
        const session = await database.session();
        const [kill, me] =
          database.dialect === "postgres"
            ? ["SELECT pg_terminate_backend(?)", "SELECT pg_backend_pid() AS id"]
            : ["KILL ?", "SELECT CONNECTION_ID() AS id"];
        const error = await retrying((attempt) =>
          running(session, attempt, async () => {
            const [row] = await session.run(me!);
            await admin!.run(kill!.replace("?", String(row?.["id"])));
            // The signal may take its time.
            for (let asked = 0; asked < 200; asked += 1) await session.run("SELECT 1").then(() => wait(10));
          }),
        ).catch((reason: unknown) => reason);
        assert.ok(error instanceof BackendError && error.outcome === "not-applied", String(error));
        await session.end().catch(() => undefined);
      });
    });
  });
}

describe("bounds", () => {
  const refused = Object.assign(new Error("could not serialize"), { code: "40001" });

  test("gives up after the attempts or at the deadline: without effect, the cause kept", async () => {
    for (const options of [{ attempts: 4 }, { deadlineMs: 50, attempts: 1_000 }]) {
      const clock = new VirtualClock(7);
      let runs = 0;
      const giving = retryingBy(clock, () => ((runs += 1), Promise.reject(refused)), options);
      const error = await outcomeOf(giving, clock);
      assert.ok(error instanceof BackendError && error.outcome === "not-applied", String(error));
      assert.equal(error.cause, refused);
      if ("deadlineMs" in options) assert.ok(clock.now() <= 50);
      else assert.equal(runs, 4);
    }
  });

  test("pauses are drawn anew each time, from a range that grows to half a second", async () => {
    const drawn = (chance: number): Promise<number[]> => pauses(chance, 12);
    assert.deepEqual(await drawn(0), Array.from({ length: 11 }, () => 0));
    const most = await drawn(0.999_999);
    assert.deepEqual(most.map(Math.round), [4, 8, 16, 32, 64, 128, 256, 500, 500, 500, 500]);
  });

  test("an abort ends the wait with its reason, and starts nothing more", async () => {
    const controller = new AbortController();
    let runs = 0;
    const aborted = retrying(
      () => {
        runs += 1;
        controller.abort("enough");
        return Promise.reject(refused);
      },
      { signal: controller.signal },
    );
    await assert.rejects(aborted, (reason) => reason === "enough");
    assert.equal(runs, 1);
  });

  test("what Drizzle and Prisma wrap is recognised", async () => {
    const wrapped = [
      new Error("Failed query", { cause: refused }),
      Object.assign(new Error("write conflict"), { code: "P2034" }),
      Object.assign(new Error("raw query failed"), { code: "P2010", meta: { code: "40P01" } }),
      Object.assign(new Error("raw query failed"), { code: "P2010", meta: { code: "1213" } }),
      Object.assign(new Error("raw query failed"), {
        code: "P2010",
        meta: { driverAdapterError: { cause: { originalCode: "40001" } } },
      }),
    ];
    for (const error of wrapped) {
      const transaction = ({ number }: Attempt): Promise<number> =>
        number === 1 ? Promise.reject(error) : Promise.resolve(number);
      assert.equal(await retrying(transaction), 2, error.message);
    }
  });

  test("an error that the server answered to the COMMIT is the caller's: nothing was committed", async () => {
    const unique = Object.assign(new Error("duplicate key"), { code: "23505" });
    const deferred = retrying(async ({ body }) => {
      await body(async () => undefined)();
      throw unique;
    });
    await assert.rejects(deferred, unique);
  });

  test("an error of the client after the work leaves open what became of the COMMIT", async () => {
    const expired = Object.assign(new Error("Transaction API error"), { code: "P2028" });
    for (const cause of [expired, new Error("Connection terminated unexpectedly"), new Error("?")]) {
      const closing = retrying(async ({ body }) => {
        await body(async () => undefined)();
        throw cause;
      });
      const error = await closing.catch((reason: unknown) => reason);
      assert.ok(error instanceof BackendError && error.outcome === "unknown", String(error));
      assert.equal(error.cause, cause);
    }
  });

  test("bad options are refused", async () => {
    for (const options of [{ attempts: 0 }, { attempts: 1.5 }, { attempts: 1_001 }, { deadlineMs: 0 }]) {
      await assert.rejects(retrying(() => assert.fail("ran"), options), RangeError);
    }
  });
});

async function pauses(chance: number, attempts: number): Promise<number[]> {
  const clock = new VirtualClock();
  clock.random = () => chance;
  const starts: number[] = [];
  const refused = Object.assign(new Error("deadlock"), { errno: 1213 });
  const options = { attempts, deadlineMs: 60_000 };
  await outcomeOf(
    retryingBy(clock, () => (starts.push(clock.now()), Promise.reject(refused)), options),
    clock,
  );
  return starts.slice(1).map((at, index) => at - starts[index]!);
}

async function outcomeOf(work: Promise<unknown>, clock: VirtualClock): Promise<unknown> {
  const endings: unknown[] = [];
  work.then(() => endings.push(undefined), (error: unknown) => endings.push(error));
  for (let step = 0; endings.length === 0 && step < 100_000; step += 1) await clock.advance(1);
  return endings[0];
}
