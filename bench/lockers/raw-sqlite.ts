import { createRequire } from "node:module";
import { join } from "node:path";
import type { Locker, Opening } from "./locker.ts";

interface Statement {
  run(...values: unknown[]): unknown;
  get(...values: unknown[]): unknown;
}

interface Database {
  exec(sql: string): unknown;
  prepare(sql: string): Statement;
}

/** SQLite's own way to wait for the file: it sleeps inside the call, and the event loop with it. */
const BUSY_TIMEOUT_MS = 5_000;
const IN_USE = Symbol("in use");

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS lease (
    name TEXT PRIMARY KEY, owner TEXT, token INTEGER NOT NULL, expires INTEGER NOT NULL
  ) WITHOUT ROWID`;
const CLAIM = `
  INSERT INTO lease (name, owner, token, expires) VALUES (?1, ?2, 1, ?3)
  ON CONFLICT (name) DO UPDATE SET owner = ?2, token = token + 1, expires = ?3
  WHERE owner IS NULL OR expires <= ?4
  RETURNING token`;
const RELEASE = `UPDATE lease SET owner = NULL WHERE name = ?1 AND owner = ?2`;

/** The floor of a lock on SQLite: claim a row in one transaction, free it in another. Polls when taken. */
export async function open({ directory, ttlMs, index }: Opening): Promise<Locker> {
  const database = await openDatabase(join(directory, "raw.db"));
  database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = NORMAL");
  database.exec(SCHEMA);
  const begin = database.prepare("BEGIN IMMEDIATE");
  const commit = database.prepare("COMMIT");
  const claim = database.prepare(CLAIM);
  const release = database.prepare(RELEASE);
  let count = 0;

  const tryLock = (name: string, owner: string): unknown => {
    begin.run();
    const time = Date.now();
    const row = claim.get(name, owner, time + ttlMs, time);
    commit.run();
    return row ?? IN_USE;
  };
  return {
    async lock(name) {
      const owner = `${index}-${count++}`;
      while (tryLock(name, owner) === IN_USE) await new Promise((resolve) => setTimeout(resolve, 1));
      return () => {
        begin.run();
        release.run(name, owner);
        commit.run();
      };
    },
  };
}

/** The driver that the SQLite backend uses on this version of Node. */
async function openDatabase(path: string): Promise<Database> {
  const builtIn = process.getBuiltinModule?.("node:sqlite") as
    | { DatabaseSync: new (path: string) => Database }
    | undefined;
  if (builtIn) return new builtIn.DatabaseSync(path);
  const Libsql = createRequire(import.meta.url)("libsql") as new (path: string) => Database;
  return new Libsql(path);
}
