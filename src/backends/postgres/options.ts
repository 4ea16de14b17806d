export interface PostgresOptions {
  /**
   * The schema that tables and functions are made in: 1 to 63 letters, digits or `_`; default
   * `holdfast`. Everything in it is Holdfast's.
   */
  readonly schema?: string;
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
