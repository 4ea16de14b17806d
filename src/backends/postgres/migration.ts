import { lockFunctions } from "./lock-functions.ts";
import { schemaName } from "./names.ts";
import { recordFunctions } from "./record-functions.ts";
import { tables } from "./tables.ts";

/**
 * All that Holdfast needs in the database, as SQL to be run in one transaction, any number of
 * times. For those who may not create tables at run time: the owner runs this, and the
 * application's role needs USAGE on the schema and SELECT, INSERT, UPDATE and DELETE on its tables.
 *
 * @throws RangeError if the schema is not a plain name.
 */
export function migrationSql(schema = "holdfast"): string {
  const name = schemaName(schema);
  const functions = lockFunctions(name) + recordFunctions(name);
  return `CREATE SCHEMA IF NOT EXISTS ${name};\n${tables(name)}${functions}`;
}
