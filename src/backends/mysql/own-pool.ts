import type { MysqlListenConnection, MysqlPool } from "./client.ts";

/** Steps on different locks run side by side, and share the flush of their commits. */
const CONNECTIONS = 4;
const CONNECT_MS = 5_000;

export interface OwnPool extends MysqlPool {
  end(): Promise<void>;
}

interface MysqlModule {
  createPool(options: object): OwnPool & {
    on(event: "connection", handler: (connection: MysqlListenConnection["connection"]) => void): unknown;
  };
  createConnection(options: object): Promise<MysqlListenConnection>;
}

async function load(): Promise<MysqlModule> {
  try {
    return (await import("mysql2/promise")) as unknown as MysqlModule;
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND") {
      throw new Error('MySQL and MariaDB need the package "mysql2": npm install mysql2', { cause });
    }
    throw cause;
  }
}

/** Lets an idle process end. */
export async function ownPool(uri: string): Promise<OwnPool> {
  const { createPool } = await load();
  const pool = createPool({ uri, connectionLimit: CONNECTIONS, connectTimeout: CONNECT_MS });
  pool.on("connection", (connection) => connection?.stream?.unref?.());
  return pool;
}

/** What it takes to make one more connection like those of a pool. */
const SETTINGS = [
  "host",
  "port",
  "localAddress",
  "socketPath",
  "stream",
  "user",
  "password",
  "password2",
  "password3",
  "passwordSha1",
  "authPlugins",
  "authSwitchHandler",
  "enableCleartextPlugin",
  "database",
  "connectTimeout",
  "compress",
  "ssl",
  "charsetNumber",
] as const;

interface PoolConfig {
  readonly connectionConfig?: Readonly<Record<string, unknown>>;
}

/** Undefined: the pool does not say where it connects to. */
export function listenConnections(pool: MysqlPool): (() => Promise<MysqlListenConnection>) | undefined {
  const { connectionConfig: config } = (pool.pool?.config ?? {}) as PoolConfig;
  if (config === undefined) return undefined;
  const chosen = SETTINGS.filter((name) => config[name] !== undefined);
  const options = Object.fromEntries(chosen.map((name) => [name, config[name]]));
  return async () => (await load()).createConnection(options);
}
