import type { Durability } from "./durability.ts";
import { lockFunctions } from "./lock-functions.ts";
import { schemaName } from "./names.ts";
import { recordFunctions } from "./record-functions.ts";
import { tables } from "./tables.ts";

/**
 * All that Holdfast needs in the database, as SQL to be run in one transaction, any number of
 * times. For those who may not create tables at run time: the owner runs this, and the
 * application's role needs USAGE on the schema and its sequences, and SELECT, INSERT, UPDATE and DELETE on
 * its tables.
 *
 * @throws RangeError if the schema is not a plain name, or the durability neither `durable` nor `relaxed`.
 */
export function migrationSql(schema = "holdfast", durability: Durability = "durable"): string {
  const name = schemaName(schema);
  const chosen = checkedDurability(durability);
  const functions = lockFunctions(name, chosen) + recordFunctions(name);
  return `CREATE SCHEMA IF NOT EXISTS ${name};\n${tables(name, chosen)}${functions}`;
}

export function checkedDurability(durability: string): Durability {
  if (durability === "durable" || durability === "relaxed") return durability;
  throw new RangeError(`durability must be "durable" or "relaxed", not "${String(durability)}"`);
}
