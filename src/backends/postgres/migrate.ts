import { BackendError } from "../../errors.ts";
import type { Calls } from "./calls.ts";
import type { PostgresClient } from "./client.ts";
import { migrationSql } from "./migration.ts";
import { SCHEMA_VERSION } from "./version.ts";

/** So that no two processes migrate at a time; any number that others do not use. */
const MIGRATION_LOCK = "7234019283745190";

/**
 * Makes or mends tables and functions unless they are as this version wants them. One process does,
 * others wait; the lock ends with the transaction, so that it works through poolers too.
 */
export async function migrate(calls: Calls, schema: string, name: string): Promise<void> {
  if ((await calls.onClient((client) => versionOf(client, name))) >= SCHEMA_VERSION) return;
  try {
    await calls.onClient(async (client) => {
      await client.query({ text: "BEGIN ISOLATION LEVEL READ COMMITTED" });
      try {
        await client.query({ text: `SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})` });
        const version = await versionOf(client, name);
        if (version < SCHEMA_VERSION) await client.query({ text: migrationSql(schema) });
        await client.query({ text: "COMMIT" });
      } catch (cause) {
        await client.query({ text: "ROLLBACK" });
        throw cause;
      }
    });
  } catch (cause) {
    throw new BackendError("postgres", "open", "not-applied", {
      cause,
      detail:
        `the tables in schema ${name} could not be made: ` +
        `${cause instanceof Error ? cause.message : String(cause)}; ` +
        "let the owner of the database run what migrationSql() of holdfast/postgres returns",
    });
  }
}

/** 0: there are no tables. Asked so that a missing table is no error in the server's log. */
async function versionOf(client: PostgresClient, name: string): Promise<number> {
  const text = "SELECT to_regclass($1) IS NOT NULL AS there";
  const there = await client.query({ text, values: [`${name}.meta`] });
  if (there.rows[0]?.["there"] !== true) return 0;
  const { rows } = await client.query({ text: `SELECT version FROM ${name}.meta` });
  return Number(rows[0]?.["version"] ?? 0);
}
