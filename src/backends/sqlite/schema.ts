import { BackendError } from "../../errors.ts";
import { begin, type SqliteDatabase } from "./driver.ts";
import { FROM_1, SCHEMA, TABLES } from "./tables.ts";

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

/** Creates the tables, or brings those there up to date. Throws busy errors through. */
export function createTables(database: SqliteDatabase): void {
  if (schemaOf(database) !== SCHEMA) {
    begin(database);
    try {
      const schema = schemaOf(database);
      if (schema === undefined) database.exec(TABLES);
      else if (schema === 1) database.exec(FROM_1);
      database.exec("COMMIT");
    } catch (error) {
      database.exec("ROLLBACK");
      throw error;
    }
  }
  const schema = schemaOf(database) ?? 0;
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

/** Undefined: there are no tables. */
function schemaOf(database: SqliteDatabase): number | undefined {
  const found = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'holdfast_meta'").get();
  if (found === undefined) return undefined;
  return (database.prepare("SELECT schema FROM holdfast_meta").get() as { schema: number }).schema;
}

const refused = (detail: string): BackendError =>
  new BackendError("sqlite", "open", "not-applied", { detail });
