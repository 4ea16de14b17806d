import { createConnection, createPool } from "mysql2/promise";
import { Client, Pool } from "pg";
import { sqlMigration, type SqlDialect, type SqlExecutor } from "holdfast/sql";

export type Isolation = "READ COMMITTED" | "REPEATABLE READ" | "SERIALIZABLE";
export const ISOLATIONS: readonly Isolation[] = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"];

type Rows = readonly Record<string, unknown>[];

/** One connection of the caller's, with a transaction or without. */
export interface Session {
  /** The client itself, as it is. */
  readonly tx: SqlExecutor;
  run(text: string): Promise<Rows>;
  begin(isolation?: Isolation): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  end(): Promise<void>;
}

export interface Database {
  readonly dialect: SqlDialect;
  session(): Promise<Session>;
  /** A pool as it is, which is no transaction. */
  pool(): { readonly tx: SqlExecutor; end(): Promise<void> };
  /** How many sessions wait for a lock right now. */
  waiting(): Promise<number>;
  /** How long a session waits for a lock, as its own setting says. */
  readonly limitOf: string;
}

export async function migrated(database: Database): Promise<Database> {
  const session = await database.session();
  for (const statement of sqlMigration(database.dialect)) await session.run(statement);
  await session.run("CREATE TABLE deals (id int PRIMARY KEY, stage varchar(20), calls int, revision bigint)");
  await session.end();
  return database;
}

export function postgresAt(url: string): Database {
  const session = async (): Promise<Session> => {
    const client = new Client({ connectionString: url });
    client.on("error", () => undefined);
    await client.connect();
    const run = async (text: string): Promise<Rows> => (await client.query(text)).rows as Rows;
    return {
      tx: client,
      run,
      begin: async (isolation = "READ COMMITTED") => void (await run(`BEGIN ISOLATION LEVEL ${isolation}`)),
      commit: async () => void (await run("COMMIT")),
      rollback: async () => void (await run("ROLLBACK")),
      end: () => client.end(),
    };
  };
  return {
    dialect: "postgres",
    session,
    pool() {
      const pool = new Pool({ connectionString: url, max: 2 });
      return { tx: pool, end: () => pool.end() };
    },
    waiting: () =>
      countBy(session, "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'"),
    limitOf: "SELECT current_setting('lock_timeout') AS value",
  };
}

export function mysqlAt(url: string): Database {
  const session = async (): Promise<Session> => {
    const client = await createConnection({ uri: url });
    client.on("error", () => undefined);
    const run = async (text: string): Promise<Rows> => {
      const [rows] = await client.query(text);
      return Array.isArray(rows) ? (rows as Rows) : [];
    };
    return {
      tx: client,
      run,
      async begin(isolation = "REPEATABLE READ") {
        await run(`SET SESSION TRANSACTION ISOLATION LEVEL ${isolation}`);
        await run("START TRANSACTION");
      },
      commit: async () => void (await run("COMMIT")),
      rollback: async () => void (await run("ROLLBACK")),
      end: () => client.end(),
    };
  };
  return {
    dialect: "mysql",
    session,
    pool() {
      const pool = createPool({ uri: url, connectionLimit: 2 });
      return { tx: pool, end: () => pool.end() };
    },
    // Not information_schema.innodb_trx: it stays as it is for who looks more often than every 0.1 s.
    waiting: () => countBy(session, "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"),
    limitOf: "SELECT @@innodb_lock_wait_timeout AS value",
  };
}

async function countBy(open: () => Promise<Session>, text: string): Promise<number> {
  const session = await open();
  const [row] = await session.run(text);
  await session.end();
  return Number(row?.["n"] ?? row?.["Value"]);
}
