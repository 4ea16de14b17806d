import { createRequire } from "node:module";

export type Bound = string | number | null;

/** What Holdfast needs of a prepared statement. */
export interface SqliteStatement {
  run(...values: Bound[]): { readonly changes: number | bigint };
  /** The first row as an object, or undefined. */
  get(...values: Bound[]): unknown;
  all(...values: Bound[]): unknown[];
}

/**
 * What Holdfast needs of an open database: `DatabaseSync` of `node:sqlite` and `Database` of
 * `better-sqlite3` and of `libsql` have it.
 */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  close(): unknown;
  /** Whether a transaction is open, as better-sqlite3 and libsql call it … */
  readonly inTransaction?: boolean;
  /** … and as node:sqlite calls it. */
  readonly isTransaction?: boolean;
}

export type SqliteDriver = "node:sqlite" | "better-sqlite3" | "libsql";

export const DRIVERS: readonly SqliteDriver[] = ["node:sqlite", "better-sqlite3", "libsql"];

/**
 * Takes the write lock, or throws that it is busy. Not a prepared statement: when one is refused,
 * libsql leaves it half-way, and as long as it is, the connection neither commits nor sees what
 * others have committed.
 */
export function begin(database: SqliteDatabase): void {
  database.exec("BEGIN IMMEDIATE");
}

type Constructor = new (file: string) => SqliteDatabase;

const load = createRequire(import.meta.url);

/**
 * better-sqlite3 13 asks for Node-API 10; on an older Node it ends the process instead of throwing.
 */
const BETTER_SQLITE3_13_NEEDS = [22, 14] as const;

/** The first driver present, or the one asked for. Throws an error that says what to install. */
export function findDriver(asked?: SqliteDriver): {
  readonly name: SqliteDriver;
  readonly open: (file: string) => SqliteDatabase;
} {
  const reasons: string[] = [];
  for (const name of asked === undefined ? DRIVERS : [asked]) {
    try {
      const Database = LOOKUPS[name]();
      return { name, open: (file) => new Database(file) };
    } catch (error) {
      reasons.push(`${name}: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`);
    }
  }
  throw new Error(
    `no SQLite driver: use Node 22.13 or newer, or \`npm install libsql\` (${reasons.join("; ")})`,
  );
}

const LOOKUPS: { readonly [name in SqliteDriver]: () => Constructor } = {
  "node:sqlite"() {
    const builtin = process.getBuiltinModule as ((id: string) => unknown) | undefined;
    const found = builtin?.("node:sqlite") as { readonly DatabaseSync: Constructor } | undefined;
    if (found === undefined) throw new Error(`not part of Node ${process.versions.node}`);
    return found.DatabaseSync;
  },
  "better-sqlite3"() {
    const { version } = load("better-sqlite3/package.json") as { readonly version: string };
    if (Number.parseInt(version, 10) >= 13 && !nodeIsAtLeast(BETTER_SQLITE3_13_NEEDS)) {
      throw new Error(
        `${version} would crash Node ${process.versions.node}: use Node ` +
          `${BETTER_SQLITE3_13_NEEDS.join(".")} or newer, or better-sqlite3@12`,
      );
    }
    return load("better-sqlite3") as Constructor;
  },
  libsql: () => load("libsql") as Constructor,
};

function nodeIsAtLeast([major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = process.versions.node.split(".").map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
