/** Locks, fences and revisions in the caller's own transaction. See docs/guide/own-transactions.md. */

export { compareAndSet } from "./compare-and-set.ts";
export type { RowAtRevision } from "./conditional-update.ts";
export type { SqlDialect, SqlExecutor } from "./executor.ts";
export { fence, type FenceOptions } from "./fence.ts";
export { lockInTransaction, type LockInTransactionOptions } from "./lock-in-transaction.ts";
export { sqlMigration } from "./migration.ts";
export { retrying, type Attempt, type RetryOptions } from "./retrying.ts";
