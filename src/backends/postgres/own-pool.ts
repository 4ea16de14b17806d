import type { PostgresListenClient, PostgresPool } from "./client.ts";

/** Steps on different locks run side by side, and share the flush of their commits. */
const CONNECTIONS = 4;
const CONNECT_MS = 5_000;

export interface OwnPool extends PostgresPool {
  end(): Promise<void>;
}

interface PostgresModule {
  readonly default: {
    readonly Pool: new (options: object) => OwnPool & { on(event: "error", handler: () => void): unknown };
    readonly Client: new (options: object) => PostgresListenClient;
  };
}

async function load(): Promise<PostgresModule["default"]> {
  try {
    return ((await import("pg")) as unknown as PostgresModule).default;
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND") {
      throw new Error('PostgreSQL needs the package "pg": npm install pg', { cause });
    }
    throw cause;
  }
}

/** Lets an idle process end. */
export async function ownPool(connectionString: string): Promise<OwnPool> {
  const { Pool } = await load();
  const pool = new Pool({
    connectionString,
    max: CONNECTIONS,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
    allowExitOnIdle: true,
    application_name: "holdfast",
  });
  // An idle connection that broke; the pool drops it.
  pool.on("error", () => undefined);
  return pool;
}

/** Makes the clients that listen. */
export async function listenClients(connectionString: string): Promise<() => PostgresListenClient> {
  const { Client } = await load();
  return () => new Client({ connectionString, keepAlive: true, application_name: "holdfast listens" });
}
