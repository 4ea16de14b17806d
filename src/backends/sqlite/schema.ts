import { BackendError } from "../../errors.ts";
import { begin, type SqliteDatabase } from "./driver.ts";

/** Raised when an older Holdfast could no longer work on what this one writes. */
const SCHEMA = 1;

/** Holdfast's tables may stand in an application's own database, so they share a prefix. */
const TABLES = `
  CREATE TABLE holdfast_meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    schema INTEGER NOT NULL,
    revision INTEGER NOT NULL
  );
  CREATE TABLE holdfast_lock (
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    queue TEXT NOT NULL,
    revocations TEXT NOT NULL DEFAULT '[]',
    forget_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, name)
  ) WITHOUT ROWID;
  CREATE INDEX holdfast_lock_idle ON holdfast_lock (forget_at);
  CREATE TABLE holdfast_record (
    id INTEGER PRIMARY KEY,
    namespace TEXT NOT NULL,
    collection TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT,
    revision INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    author TEXT,
    op_id TEXT NOT NULL,
    fences TEXT,
    UNIQUE (namespace, collection, key)
  );
  INSERT INTO holdfast_meta (id, schema, revision) VALUES (1, ${SCHEMA}, 0);
`;

export const SYNCHRONOUS = ["normal", "full"] as const;
export type Synchronous = (typeof SYNCHRONOUS)[number];

/** Throws busy errors through; whoever calls tries again. */
export function configure(database: SqliteDatabase, synchronous: Synchronous): void {
  database.exec("PRAGMA busy_timeout = 0");
  if (journalMode(database) !== "wal") {
    database.prepare("PRAGMA journal_mode = WAL").get();
    const mode = journalMode(database);
    /* "memory" is that of a database in memory, which nobody else can have open. */
    if (mode !== "wal" && mode !== "memory") {
      throw refused(`the journal mode stays "${mode}"; put the file on a local disk`);
    }
  }
  database.exec(`PRAGMA synchronous = ${synchronous}`);
}

/** Creates the tables unless they are there. Throws busy errors through. */
export function createTables(database: SqliteDatabase): void {
  if (!hasTables(database)) {
    begin(database);
    try {
      if (!hasTables(database)) database.exec(TABLES);
      database.exec("COMMIT");
    } catch (error) {
      database.exec("ROLLBACK");
      throw error;
    }
  }
  const { schema } = database.prepare("SELECT schema FROM holdfast_meta").get() as { schema: number };
  if (schema > SCHEMA) {
    throw refused(`a newer Holdfast made the tables (${schema} > ${SCHEMA}); update this one`);
  }
  const { encoding } = database.prepare("PRAGMA encoding").get() as { encoding: string };
  if (encoding !== "UTF-8") {
    throw refused(`the database is in ${encoding}, not UTF-8; give Holdfast a file of its own`);
  }
}

export function journalMode(database: SqliteDatabase): string {
  const row = database.prepare("PRAGMA journal_mode").get() as { readonly journal_mode: string };
  return row.journal_mode;
}

function hasTables(database: SqliteDatabase): boolean {
  const found = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'holdfast_meta'").get();
  return found !== undefined;
}

const refused = (detail: string): BackendError =>
  new BackendError("sqlite", "open", "not-applied", { detail });
