import { createRequire } from "node:module";
import { increment, pause, type Open, type Writer } from "./writer.ts";

interface Statement {
  run(...values: unknown[]): { readonly changes: number | bigint };
  get(...values: unknown[]): unknown;
}

interface Database {
  exec(sql: string): unknown;
  prepare(sql: string): Statement;
  close(): unknown;
}

interface Row {
  readonly count: number;
  readonly version: number;
}

/** SQLite's own way to wait for the file: it sleeps inside the call, and the event loop with it. */
const BUSY_TIMEOUT_MS = 10_000;

async function opened(url: string, table: string): Promise<Database> {
  const path = `${url.slice("sqlite:".length)}-raw`;
  const Libsql = createRequire(import.meta.url)("libsql") as new (path: string) => Database;
  const database = new Libsql(path);
  database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = NORMAL");
  database.exec(
    `CREATE TABLE IF NOT EXISTS ${table} (key TEXT PRIMARY KEY, count INT NOT NULL, version INT NOT NULL)`,
  );
  return database;
}

function counter(database: Database, table: string, update: (key: string) => Promise<number>): Writer {
  const select = database.prepare(`SELECT count FROM ${table} WHERE key = ?`);
  return {
    update,
    read: async (key) => (select.get(key) as Row | undefined)?.count ?? 0,
    close: async () => void database.close(),
  };
}

/** The version column of object-relational mappers: SELECT, UPDATE … WHERE version = …, again if refused. */
export const versionColumn: Open = async ({ url, editMs }) => {
  const database = await opened(url, "versioned");
  const create = database.prepare("INSERT OR IGNORE INTO versioned VALUES (?, 0, 0)");
  const select = database.prepare("SELECT count, version FROM versioned WHERE key = ?");
  const update = database.prepare(
    "UPDATE versioned SET count = ?, version = version + 1 WHERE key = ? AND version = ?",
  );
  return counter(database, "versioned", async (key) => {
    for (let attempt = 1; ; attempt += 1) {
      let row = select.get(key) as Row | undefined;
      if (row === undefined) {
        create.run(key);
        row = { count: 0, version: 0 };
      }
      const { changes } = update.run(increment(row.count, editMs), key, row.version);
      if (Number(changes) === 1) return attempt;
      await pause(attempt);
    }
  });
};

/** BEGIN IMMEDIATE: everybody else waits until the edit is done. */
export const immediate: Open = async ({ url, editMs }) => {
  const database = await opened(url, "immediate");
  const [begin, commit] = [database.prepare("BEGIN IMMEDIATE"), database.prepare("COMMIT")];
  const select = database.prepare("SELECT count FROM immediate WHERE key = ?");
  const upsert = database.prepare("INSERT OR REPLACE INTO immediate VALUES (?, ?, 0)");
  return counter(database, "immediate", async (key) => {
    begin.run();
    upsert.run(key, increment((select.get(key) as Row | undefined)?.count ?? 0, editMs));
    commit.run();
    return 1;
  });
};
