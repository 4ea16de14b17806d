import { BackendError } from "../errors.ts";
import { checkDialect, type SqlDialect } from "./executor.ts";
import { faultsOf } from "./fault.ts";

const POSTGRES = [
  `CREATE TABLE IF NOT EXISTS holdfast_fence (
  namespace text COLLATE "C" NOT NULL,
  resource text COLLATE "C" NOT NULL,
  token bigint NOT NULL,
  PRIMARY KEY (namespace, resource)
) WITH (fillfactor = 70)`,
];

/** Bytes, not text: collations take "a" and "A", or "a" and "a ", for the same name. */
const MYSQL = [
  `CREATE TABLE IF NOT EXISTS holdfast_lock (
  namespace varbinary(1024) NOT NULL,
  name varbinary(1024) NOT NULL,
  PRIMARY KEY (namespace, name)
) ENGINE = InnoDB`,
  `CREATE TABLE IF NOT EXISTS holdfast_fence (
  namespace varbinary(1024) NOT NULL,
  resource varbinary(1024) NOT NULL,
  token bigint NOT NULL,
  PRIMARY KEY (namespace, resource)
) ENGINE = InnoDB`,
];

/**
 * The tables that `fence` needs, and on MySQL and MariaDB also `lockInTransaction`: statements to be run one
 * by one, once or any number of times, with your own migrations. They are not made on first use, because
 * on MySQL and MariaDB that would commit your transaction.
 * @throws RangeError
 */
export function sqlMigration(dialect: SqlDialect): readonly string[] {
  return checkDialect(dialect) === "postgres" ? POSTGRES : MYSQL;
}

/** Runs what needs these tables, and says so when they are missing. */
export async function needingTables<T>(
  dialect: SqlDialect,
  operation: string,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    // undefined_table; ER_NO_SUCH_TABLE
    if (!faultsOf(cause).some(({ state, errno }) => state === "42P01" || errno === 1146)) throw cause;
    throw new BackendError(dialect, operation, "not-applied", {
      cause,
      detail: `its table is missing; run the statements of sqlMigration("${dialect}") once`,
    });
  }
}
