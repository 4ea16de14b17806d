export interface MysqlOptions {
  /**
   * What the names of tables and procedures start with: 1 to 32 lower-case letters, digits or `_`;
   * default `holdfast_`. Everything of that name in the database is Holdfast's.
   */
  readonly prefix?: string;
  /** How long one call may take before its connection is given up, in ms; default 5,000. */
  readonly callMs?: number;
  /** The store's clock, ms since 1970, for simulators. Default: the server's. */
  readonly now?: () => number;
}
