import type { Durability } from "./durability.ts";

export interface PostgresOptions {
  /**
   * The schema that tables and functions are made in: 1 to 63 letters, digits or `_`; default
   * `holdfast`. Everything in it is Holdfast's.
   */
  readonly schema?: string;
  /**
   * `durable` (default): what was answered is on disk, and locks outlive a crash of the server. `relaxed`:
   * locks are not written to disk. A crash or a failover then forgets all of them, and whatever is locked
   * next is granted only when the longest lease ever asked for in this schema has passed; nothing is
   * granted twice, and tokens still grow. Records are durable in both. Of one schema: all processes have
   * to say the same.
   */
  readonly durability?: Durability;
  /**
   * Where to listen, when the pool goes through a pooler such as PgBouncer in transaction mode: a
   * URL of the server itself. Without it, grants behind a pooler are found by asking every
   * `fallbackMs`.
   */
  readonly listenUrl?: string;
  /** How long one call may take before its connection is given up, in ms; default 5,000. */
  readonly callMs?: number;
  /** The store's clock, ms since 1970, for simulators. Default: the server's. */
  readonly now?: () => number;
}
