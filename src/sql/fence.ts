import { StaleTokenError } from "../errors.ts";
import { dialectOf, type SqlExecutor } from "./executor.ts";
import { needingTables } from "./migration.ts";
import { fenceInMysql } from "./mysql.ts";
import { checkName, checkNamespace } from "./names.ts";
import { fenceInPostgres } from "./postgres.ts";

export interface FenceOptions {
  /** The namespace of the coordinator whose lock it is. Default `holdfast`. */
  readonly namespace?: string;
}

const TOKEN_MAX = 2n ** 63n - 1n;

/**
 * Guards all that the caller's transaction writes: it can commit only if no transaction with a higher token
 * of the same lock came before. The highest token of each resource is kept in `holdfast_fence` by the same
 * transaction, whose row it keeps locked until its end: transactions fenced by one resource commit one after
 * the other. An equal token is fine. The lock may live in any store.
 *
 * At REPEATABLE READ and above the database may refuse to go on after a wait (40001, 1020): use `retrying`.
 *
 * @throws StaleTokenError if a later holder was here; roll back. The transaction itself stays usable
 * @throws BackendError if the table of `sqlMigration` is missing
 * @throws TypeError outside of a transaction; TypeError, RangeError on bad arguments, before any I/O
 */
export async function fence(
  tx: SqlExecutor,
  resource: string,
  token: bigint,
  options: FenceOptions = {},
): Promise<void> {
  checkName(resource, "resource");
  const namespace = checkNamespace(options.namespace);
  if (typeof token !== "bigint") {
    throw new TypeError(`token must be the bigint of a lease, not ${token === null ? "null" : typeof token}`);
  }
  if (token < 1n || token > TOKEN_MAX) {
    throw new RangeError(`token must be from 1 to 2^63-1, not ${token}`);
  }
  const dialect = await dialectOf(tx);
  const guard = dialect === "postgres" ? fenceInPostgres : fenceInMysql;
  const isHighest = await needingTables(dialect, "fence", () => guard(tx, namespace, resource, token));
  if (!isHighest) throw new StaleTokenError("this transaction", resource, token);
}
