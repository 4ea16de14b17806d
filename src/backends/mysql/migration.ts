import { lockProcedures } from "./lock-procedures.ts";
import { mailProcedures } from "./mail-procedures.ts";
import { namesWith, type Names } from "./names.ts";
import { feedProcedures } from "./feed-procedures.ts";
import { done, tables } from "./tables.ts";
import { SCHEMA_VERSION } from "./version.ts";

/**
 * A procedure keeps the mode that it was made in. In this one, text that does not fit is an error
 * rather than cut off, and quotes are what they are by default.
 */
const MODE = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION";

/** Without end marks. To be made on one connection, in this order. */
export function statements(names: Names): readonly string[] {
  const procedures = [mailProcedures, lockProcedures, feedProcedures].flatMap((each) =>
    each(names),
  );
  return [
    `SET @holdfast_mode = @@SESSION.sql_mode, SESSION sql_mode = '${MODE}'`,
    ...tables(names),
    ...procedures.flatMap(([name, text]) => [
      `DROP PROCEDURE IF EXISTS ${names.procedure(name)}`,
      text.trim(),
    ]),
    done(names),
    "SET SESSION sql_mode = @holdfast_mode",
  ];
}

/**
 * All that Holdfast needs in a database, as a script for the command-line clients `mysql` and
 * `mariadb`, to be run any number of times. For those who may not create tables or routines at run
 * time: the owner runs this, and the application's user needs SELECT, INSERT, UPDATE and DELETE on
 * the tables, and EXECUTE on the procedures.
 *
 * @throws RangeError if the prefix is not a plain name.
 */
export function migrationSql(prefix = "holdfast_"): string {
  const all = statements(namesWith(prefix, SCHEMA_VERSION));
  return `DELIMITER $$\n${all.map((each) => `${each}$$\n`).join("\n")}DELIMITER ;\n`;
}
