import type { LockBackend } from "../backend.ts";

/**
 * A store that the kit may use, opened afresh for each case. It need not be empty: every case works in a
 * namespace of its own. What is optional are abilities: a case that needs a missing one fails, unless it is
 * skipped with a reason.
 */
export interface Environment {
  /** One more process on the same store: a new backend, not yet opened. The kit opens and closes it. */
  backend(): LockBackend | Promise<LockBackend>;
  /** Moves the store's clock. Without it the store's time is real, and the kit waits. */
  advance?(ms: number): void | Promise<void>;
  /** Makes the store forget all it may forget of idle resources, as it does some time by itself. */
  cleanUp?(): Promise<void>;
  /** Stops and starts the store. Open backends may reconnect; the kit makes new ones afterwards. */
  restart?(): Promise<void>;
  /** How many entries (keys, rows, nodes) the store keeps. Only needed where `advance` is given. */
  footprint?(): number | Promise<number>;
  close(): void | Promise<void>;
}
