import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createConnection } from "mysql2/promise";
import { BackendError } from "holdfast";
import {
  compareAndSet,
  fence,
  lockInTransaction,
  retrying,
  sqlMigration,
  type SqlExecutor,
} from "holdfast/sql";
import { startMysql } from "../servers/mysql.ts";
import { compareAndSetCases } from "./compare-and-set-cases.ts";
import { migrated, mysqlAt } from "./database.ts";
import { fenceCases } from "./fence-cases.ts";
import { lockCases } from "./lock-cases.ts";
import { ending, inTransaction, untilWaiting, withSessions } from "./stage.ts";

const server = await startMysql();
after(() => server.stop());
const database = await migrated(mysqlAt(server.url));

lockCases(() => database);
fenceCases(() => database);
compareAndSetCases(() => database);

/** MySQL takes for a comment what tells MariaDB's own answer. */
const asMysql = (tx: SqlExecutor): SqlExecutor => ({
  dialect: "mysql",
  query: (text, values) => tx.query(text.replace(/\/\*M!.*?\*\//, ""), values),
});

test("where the server does not tell whether a transaction is open, a savepoint does", async () => {
  await withSessions(database, 1, async (session) => {
    const tx = asMysql(session!.tx);
    await inTransaction(session!, async () => {
      await lockInTransaction(tx, "asked");
      await fence(tx, "asked", 1n);
    });
    await assert.rejects(lockInTransaction(tx, "asked"), /inside an open transaction/);
    await assert.rejects(fence(tx, "asked", 2n), /inside an open transaction/);
    await session!.run("SET autocommit = 0");
    await lockInTransaction(session!.tx, "asked");
    await session!.rollback();
  });
});

test("prepared statements do as well", async () => {
  const client = await createConnection({ uri: server.url });
  const tx: SqlExecutor = { query: (text, values) => client.execute(text, values as string[]) };
  await client.query("INSERT INTO deals VALUES (400, 'new', 0, 1)");
  await client.beginTransaction();
  await lockInTransaction(tx, "prepared", { waitMs: 1_000 });
  await fence(tx, "prepared", 3n);
  assert.equal(await ending(fence(tx, "prepared", 2n)), "STALE_TOKEN");
  const target = { table: "app.deals", key: { id: 400 }, revision: 1 };
  assert.equal((await compareAndSet(tx, target, { stage: "won" }))["revision"], 2);
  assert.equal(await ending(compareAndSet(tx, target, { stage: "won" })), "CONFLICT");
  await client.commit();
  await client.end();
});

test("the first use of a name rolls back while others wait: one holder at a time, all served", async () => {
  await withSessions(database, 4, async (creator, ...others) => {
    await creator!.begin();
    await lockInTransaction(creator!.tx, "first");
    let inside = 0;
    const all = others.map((session) =>
      retrying((attempt) =>
        inTransaction(
          session,
          attempt.body(async () => {
            await lockInTransaction(session.tx, "first");
            assert.equal((inside += 1), 1);
            await session.run("SELECT 1");
            inside -= 1;
          }),
        ),
      ),
    );
    await untilWaiting(database, others.length);
    await creator!.rollback();
    await Promise.all(all);
  });
});

test("rows of locks may be deleted at any time: there is one holder all the same", async () => {
  await withSessions(database, 4, async (cleaner, ...others) => {
    let inside = 0;
    const over = new AbortController();
    const cleaning = (async () => {
      while (!over.signal.aborted) await ending(cleaner!.run("DELETE FROM holdfast_lock"));
    })();
    const work = async (session: (typeof others)[number]): Promise<void> => {
      for (let round = 0; round < 10; round += 1) {
        const locked = async (): Promise<void> => {
          await lockInTransaction(session.tx, "cleaned");
          assert.equal((inside += 1), 1);
          await session.run("SELECT SLEEP(0.001)");
          inside -= 1;
        };
        await retrying((attempt) => inTransaction(session, attempt.body(locked)), { attempts: 1_000 });
      }
    };
    await Promise.all(others.map(work)).finally(() => over.abort());
    await cleaning;
  });
});

test("innodb_rollback_on_timeout is refused, before it can end somebody's transaction", async () => {
  await withSessions(database, 1, async (session) => {
    // The server reads it at its start only.
    const tx: SqlExecutor = {
      query: (text, values) => session!.tx.query(text.replace("@@innodb_rollback_on_timeout", "1"), values),
    };
    await session!.begin();
    const error = await lockInTransaction(tx, "r").catch((reason: unknown) => reason);
    assert.ok(error instanceof BackendError && error.outcome === "not-applied", String(error));
    assert.match(error.message, /innodb_rollback_on_timeout/);
    await fence(tx, "r", 1n);
    await session!.commit();
  });
});

test("missing tables are named, with the remedy, and are made by it, again and again", async () => {
  await withSessions(database, 1, async (session) => {
    await session!.run("CREATE DATABASE empty");
    await session!.run("USE empty");
    await session!.begin();
    for (const step of [() => lockInTransaction(session!.tx, "r"), () => fence(session!.tx, "r", 1n)]) {
      const error = await step().catch((reason: unknown) => reason);
      assert.ok(error instanceof BackendError && error.outcome === "not-applied", String(error));
      assert.match(error.message, /sqlMigration\("mysql"\)/);
    }
    for (const statement of [...sqlMigration("mysql"), ...sqlMigration("mysql")]) {
      await session!.run(statement);
    }
    await inTransaction(session!, () => lockInTransaction(session!.tx, "r"));
  });
});
