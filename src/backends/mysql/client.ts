/** What is used of a pool of "mysql2/promise", so that the package need not be installed. */
export interface MysqlPool {
  getConnection(): Promise<MysqlPoolConnection>;
  /** The pool of callbacks beneath; its settings are used for the one connection that listens. */
  readonly pool?: { readonly config?: object };
}

/** A pool of "mysql2" itself. */
export interface MysqlCallbackPool {
  promise(): MysqlPool;
}

export interface MysqlConnection {
  query(text: string): Promise<readonly [unknown, unknown]>;
  /** By a prepared statement: values never become part of the text. */
  execute(text: string, values: MysqlValue[]): Promise<readonly [unknown, unknown]>;
  /** Closes it at once, without a farewell. */
  destroy(): void;
}

export interface MysqlPoolConnection extends MysqlConnection {
  release(): void;
}

export type MysqlValue = Buffer | number | string | null;

/** The connection that listens. */
export interface MysqlListenConnection extends MysqlConnection {
  on(event: "error", handler: (error: Error) => void): unknown;
  end(): Promise<void>;
  readonly connection?: { readonly stream?: { unref?(): void } };
}
