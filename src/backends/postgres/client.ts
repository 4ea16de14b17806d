/** What is used of a pool of "pg", so that the package need not be installed. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>;
  /** How the pool makes its clients; used for the one that listens. */
  readonly Client?: new (options: object) => PostgresListenClient;
  readonly options?: object;
}

export interface PostgresQuery {
  readonly text: string;
  readonly values?: readonly unknown[];
  /** Kept by the server under this name. Not for poolers. */
  readonly name?: string;
}

export interface PostgresResult {
  readonly rows: readonly Record<string, unknown>[];
}

export interface PostgresClient {
  query(query: PostgresQuery): Promise<PostgresResult>;
  /** With true, the connection is closed and not used again. */
  release(destroy?: boolean | Error): void;
  /** What the server calls this session; a pooler makes up its own. */
  readonly processID?: number | null;
  on(event: "error", handler: (error: Error) => void): unknown;
  removeListener(event: "error", handler: (error: Error) => void): unknown;
}

export interface PostgresListenClient {
  connect(): Promise<unknown>;
  query(query: PostgresQuery): Promise<PostgresResult>;
  end(): Promise<void>;
  unref?(): void;
  readonly connection?: { readonly stream?: { destroy(): void } };
  readonly processID?: number | null;
  on(event: "error" | "end", handler: () => void): unknown;
  on(event: "notification", handler: (message: { readonly payload?: string }) => void): unknown;
}
