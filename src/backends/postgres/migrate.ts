import { BackendError } from "../../errors.ts";
import type { Calls } from "./calls.ts";
import type { PostgresClient } from "./client.ts";
import type { Durability } from "./durability.ts";
import { migrationSql } from "./migration.ts";
import { SCHEMA_VERSION } from "./version.ts";

/** So that no two processes migrate at a time; any number that others do not use. */
const MIGRATION_LOCK = "7234019283745190";

/**
 * Makes or mends tables and functions unless they are as this version wants them. One process does,
 * others wait; the lock ends with the transaction, so that it works through poolers too.
 */
export async function migrate(
  calls: Calls,
  schema: string,
  name: string,
  durability: Durability,
): Promise<void> {
  const found = await calls.onClient((client) => stateOf(client, name));
  assertDurability(found, name, durability);
  if (found.version >= SCHEMA_VERSION) return;
  try {
    await calls.onClient(async (client) => {
      await client.query({ text: "BEGIN ISOLATION LEVEL READ COMMITTED" });
      try {
        await client.query({ text: `SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})` });
        const now = await stateOf(client, name);
        assertDurability(now, name, durability);
        if (now.version < SCHEMA_VERSION) await client.query({ text: migrationSql(schema, durability) });
        await client.query({ text: "COMMIT" });
      } catch (cause) {
        await client.query({ text: "ROLLBACK" });
        throw cause;
      }
    });
  } catch (cause) {
    if (cause instanceof BackendError) throw cause;
    throw new BackendError("postgres", "open", "not-applied", {
      cause,
      detail:
        `the tables in schema ${name} could not be made: ` +
        `${cause instanceof Error ? cause.message : String(cause)}; ` +
        "let the owner of the database run what `holdfast migrate --print`, or migrationSql() of " +
        "holdfast/postgres, gives",
    });
  }
}

function assertDurability({ version, durability: found }: State, name: string, asked: Durability): void {
  if (version === 0 || found === asked) return;
  throw new BackendError("postgres", "open", "not-applied", {
    detail:
      `the locks in schema ${name} are ${found}, not ${asked}: give all processes durability: "${found}", ` +
      "or another schema",
  });
}

interface State {
  readonly version: number;
  readonly durability: string;
}

/** 0: there are no tables. Asked so that a missing table is no error in the server's log. */
async function stateOf(client: PostgresClient, name: string): Promise<State> {
  const text = "SELECT to_regclass($1) IS NOT NULL AS there";
  const there = await client.query({ text, values: [`${name}.meta`] });
  if (there.rows[0]?.["there"] !== true) return { version: 0, durability: "" };
  // Schemas of version 1 have no such column: they are durable.
  const { rows } = await client.query({ text: `SELECT to_jsonb(m) AS meta FROM ${name}.meta AS m` });
  const { version = 0, durability = "durable" } = (rows[0]?.["meta"] ?? {}) as Partial<State>;
  return { version, durability };
}
