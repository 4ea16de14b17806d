import assert from "node:assert/strict";
import { test } from "node:test";
import {
  compareAndSet,
  fence,
  lockInTransaction,
  sqlMigration,
  type SqlDialect,
  type SqlExecutor,
} from "holdfast/sql";

/** Nothing may reach the database. */
const untouched: SqlExecutor = { query: () => assert.fail("I/O before the arguments were checked") };

test("bad arguments are refused before any I/O", async () => {
  const wrong = <T>(value: unknown): T => value as T;
  for (const name of ["", "x".repeat(1_025), wrong<string>(7), "nul\0", "\ud800"]) {
    await assert.rejects(lockInTransaction(untouched, name), /lock's name must/);
    await assert.rejects(fence(untouched, name, 1n), /resource must/);
    await assert.rejects(lockInTransaction(untouched, "r", { namespace: name }), /namespace must/);
    await assert.rejects(fence(untouched, "r", 1n, { namespace: name }), /namespace must/);
  }
  for (const waitMs of [-1, Number.NaN, wrong<number>("5")]) {
    await assert.rejects(lockInTransaction(untouched, "r", { waitMs }), /waitMs must .* not/);
  }
  for (const token of [0n, -1n, 2n ** 63n]) {
    await assert.rejects(fence(untouched, "r", token), /from 1 to 2\^63-1/);
  }
  await assert.rejects(fence(untouched, "r", wrong<bigint>(5)), /token must be the bigint/);
  const target = { table: "a.b.c", key: { id: 1 }, revision: 1 };
  await assert.rejects(compareAndSet(untouched, target, {}), /schema\.table/);
  assert.throws(() => sqlMigration(wrong<SqlDialect>("oracle")), /"postgres" or "mysql"/);
});

test("what is no executor is refused, with what to pass instead", async () => {
  const wrong = (value: unknown): SqlExecutor => value as SqlExecutor;
  for (const tx of [null, undefined, {}, "tx"]) {
    await assert.rejects(lockInTransaction(wrong(tx), "r"), /must have query/);
  }
  const dialect = wrong({ dialect: "oracle", query: untouched.query });
  await assert.rejects(lockInTransaction(dialect, "r"), /"postgres" or "mysql"/);
  const callbacks = wrong({ dialect: "postgres", query: () => undefined });
  await assert.rejects(lockInTransaction(callbacks, "r"), /mysql2\/promise/);
});

test("the dialect is asked for once for each executor, and not at all when it is given", async () => {
  const asked: string[] = [];
  const answering = (dialect?: SqlDialect): SqlExecutor => ({
    ...(dialect === undefined ? {} : { dialect }),
    async query(text) {
      if (text.includes("version()")) asked.push(text);
      return { rows: [{ version: "PostgreSQL 15.1", held: true, started: "now" }] };
    },
  });
  const detected = answering();
  await lockInTransaction(detected, "r");
  await lockInTransaction(detected, "r");
  assert.equal(asked.length, 1);
  await lockInTransaction(answering("postgres"), "r");
  assert.equal(asked.length, 1);
});
