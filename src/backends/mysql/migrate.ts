import { BackendError } from "../../errors.ts";
import { rowsOf, type Calls } from "./calls.ts";
import type { MysqlConnection } from "./client.ts";
import { statements } from "./migration.ts";
import type { Names } from "./names.ts";
import { SCHEMA_VERSION } from "./version.ts";

/** Making all takes some 30 statements, and others may be at it first. */
const MIGRATION_MS = 60_000;
const OTHERS_S = 25;

/**
 * Makes or mends tables and procedures unless they are as this version wants them. One process
 * does, others wait. The lock belongs to the session: it is let go of before the session goes back
 * into the pool, and a session that fails is closed.
 */
export async function migrate(calls: Calls, names: Names): Promise<void> {
  if ((await calls.onConnection((connection) => versionOf(connection, names))) >= SCHEMA_VERSION) return;
  const lock = `CONCAT('holdfast_', MD5(CONCAT(DATABASE(), '/', '${names.prefix}')))`;
  try {
    await calls.onConnection(async (connection) => {
      const [row] = await rowsOf(connection, `SELECT GET_LOCK(${lock}, ${OTHERS_S}) AS locked`);
      if (Number(row?.["locked"]) !== 1) throw new Error("another process has been at it for too long");
      if ((await versionOf(connection, names)) < SCHEMA_VERSION) {
        for (const statement of statements(names)) await connection.query(statement);
      }
      await connection.query(`DO RELEASE_LOCK(${lock})`);
    }, MIGRATION_MS);
  } catch (cause) {
    throw new BackendError("mysql", "open", "not-applied", {
      cause,
      detail:
        `the tables ${names.prefix}… could not be made: ` +
        `${cause instanceof Error ? cause.message : String(cause)}; ` +
        "let the owner of the database run what migrationSql() of holdfast/mysql returns",
    });
  }
}

/** 0: there are no tables. Asked so that a missing table is no error. */
async function versionOf(connection: MysqlConnection, names: Names): Promise<number> {
  const [there] = await rowsOf(
    connection,
    "SELECT COUNT(*) AS count FROM information_schema.tables " +
      `WHERE table_schema = DATABASE() AND table_name = '${names.table("meta")}'`,
  );
  if (Number(there?.["count"]) === 0) return 0;
  const [row] = await rowsOf(connection, `SELECT version FROM ${names.table("meta")} WHERE id = 1`);
  return Number(row?.["version"] ?? 0);
}
