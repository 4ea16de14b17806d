import { dialectOf, type SqlExecutor } from "./executor.ts";
import { needingTables } from "./migration.ts";
import { lockInMysql } from "./mysql.ts";
import { checkName, checkNamespace } from "./names.ts";
import { lockInPostgres } from "./postgres.ts";

export interface LockInTransactionOptions {
  /**
   * Longest wait in ms; 0: do not wait. MySQL and MariaDB count whole seconds, rounded up, and MySQL waits
   * one at least. Default: as long as the session itself allows, which is PostgreSQL's `lock_timeout` (for
   * ever, if not set) or `innodb_lock_wait_timeout` (50 s, if not set).
   */
  readonly waitMs?: number;
  /** Separates applications that share a database. Default `holdfast`. */
  readonly namespace?: string;
}

/**
 * Takes a lock that the caller's transaction holds until its very end: it is released by COMMIT or ROLLBACK,
 * never before, and by the end of the connection. A transaction may take the same lock again. Who waited too
 * long gets an error, and the transaction goes on as if nothing had been asked.
 *
 * PostgreSQL: `pg_advisory_xact_lock` with 64 bits of a hash. Should two names ever share a key, their
 * transactions wait for each other without need; nothing else. MySQL and MariaDB: a row of `holdfast_lock`,
 * by its whole name; a deadlock ends a transaction as always, so run it by `retrying`.
 *
 * @throws LockTimeoutError after `waitMs`; the transaction stays usable
 * @throws BackendError if the table of `sqlMigration` is missing, or `innodb_rollback_on_timeout` is on
 * @throws TypeError outside of a transaction; TypeError, RangeError on bad arguments, before any I/O
 */
export async function lockInTransaction(
  tx: SqlExecutor,
  name: string,
  options: LockInTransactionOptions = {},
): Promise<void> {
  checkName(name, "a lock's name");
  const namespace = checkNamespace(options.namespace);
  const { waitMs } = options;
  if (waitMs !== undefined && !(typeof waitMs === "number" && waitMs >= 0)) {
    throw new RangeError(`waitMs must be a number of ms, 0 or more, not ${String(waitMs)}`);
  }
  const limited = waitMs === Infinity ? undefined : waitMs;
  const dialect = await dialectOf(tx);
  if (dialect === "postgres") return lockInPostgres(tx, namespace, name, limited);
  return needingTables(dialect, "lockInTransaction", () => lockInMysql(tx, namespace, name, limited));
}
