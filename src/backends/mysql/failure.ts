import { BackendError } from "../../errors.ts";

/** The request certainly never left. */
export class NotSent extends Error {}

/** The server did not answer in time; it may yet do what it was asked for. */
export class NoAnswer extends Error {}

/** Rolled back because of others; the same call may succeed now. */
const ROLLED_BACK = new Set([
  1020, // ER_CHECKREAD: the row has changed since it was read
  1062, // ER_DUP_ENTRY: somebody else was first to claim a unique entry
  1205, // ER_LOCK_WAIT_TIMEOUT
  1213, // ER_LOCK_DEADLOCK; also Galera's conflict of two commits
  1615, // ER_NEED_REPREPARE
]);

/** Refused before anything was done. After any other error the step may have been committed. */
const REFUSED = new Set([
  1044, // ER_DBACCESS_DENIED_ERROR
  1046, // ER_NO_DB_ERROR
  1049, // ER_BAD_DB_ERROR
  1142, // ER_TABLEACCESS_DENIED_ERROR
  1146, // ER_NO_SUCH_TABLE
  1227, // ER_SPECIFIC_ACCESS_DENIED_ERROR
  1290, // ER_OPTION_PREVENTS_STATEMENT: read_only
  1305, // ER_SP_DOES_NOT_EXIST
  1370, // ER_PROCACCESS_DENIED_ERROR
  1461, // ER_MAX_PREPARED_STMT_COUNT_REACHED
  1665, // ER_BINLOG_STMT_MODE_AND_ROW_ENGINE
  1792, // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
  1836, // ER_READ_ONLY_MODE
]);

function errno(cause: unknown): number | undefined {
  if (typeof cause !== "object" || cause === null || !("errno" in cause)) return undefined;
  return typeof cause.errno === "number" ? cause.errno : undefined;
}

export const wasRolledBack = (cause: unknown): boolean => ROLLED_BACK.has(errno(cause) ?? 0);

/** ER_QUERY_INTERRUPTED, ER_STATEMENT_TIMEOUT (MariaDB), ER_QUERY_TIMEOUT (MySQL). */
const INTERRUPTED = new Set([1317, 1969, 3024]);

export const wasInterrupted = (cause: unknown): boolean => INTERRUPTED.has(errno(cause) ?? 0);

export function asBackendError(operation: string, cause: unknown): BackendError {
  if (cause instanceof BackendError) return cause;
  const number = errno(cause) ?? 0;
  const isWithoutEffect = cause instanceof NotSent || ROLLED_BACK.has(number) || REFUSED.has(number);
  return new BackendError("mysql", operation, isWithoutEffect ? "not-applied" : "unknown", { cause });
}
