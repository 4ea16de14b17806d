import type { Backend, LockBackend } from "./backend.ts";
import { Coordinator, type Backends } from "./coordinator.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";

export interface ConnectOptions extends CoordinatorOptions {
  /** Keep locks in another store than records: its URL. */
  readonly locks?: string;
}

/** Loads a store of locks and records, or, where it keeps nothing else, of locks alone. */
type Loader = (url: string) => Promise<Backend | LockBackend>;

const fromRedis: Loader = async (url) => {
  const { redisFromUrl } = await import("./backends/redis/index.ts");
  return redisFromUrl(url);
};

const fromPostgres: Loader = async (url) => {
  const { postgresFromUrl } = await import("./backends/postgres/index.ts");
  return postgresFromUrl(url);
};

const fromMysql: Loader = async (url) => {
  const { mysqlFromUrl } = await import("./backends/mysql/index.ts");
  return mysqlFromUrl(url);
};

const fromEtcd: Loader = async (url) => {
  const { etcdFromUrl } = await import("./backends/etcd/index.ts");
  return etcdFromUrl(url);
};

const fromZooKeeper: Loader = async (url) => {
  const { zookeeperFromUrl } = await import("./backends/zookeeper/index.ts");
  return zookeeperFromUrl(url);
};

/** Each backend, and through it its client, is loaded only when a URL asks for it. */
const LOADERS: { readonly [scheme: string]: Loader } = {
  memory: async (url) => {
    const { memoryFromUrl } = await import("./backends/memory/index.ts");
    return memoryFromUrl(url);
  },
  sqlite: async (url) => {
    const { sqlite } = await import("./backends/sqlite/index.ts");
    return sqlite(url.replace(/^sqlite:(\/\/)?/, ""));
  },
  redis: fromRedis,
  rediss: fromRedis,
  "redis+sentinel": fromRedis,
  "redis+cluster": fromRedis,
  postgres: fromPostgres,
  postgresql: fromPostgres,
  mysql: fromMysql,
  mariadb: fromMysql,
  etcd: fromEtcd,
  etcds: fromEtcd,
  zookeeper: fromZooKeeper,
  "zookeeper+tls": fromZooKeeper,
};

/**
 * A coordinator on the store that the URL names, opened and ready.
 * @throws TypeError on a URL it does not know
 * @throws BackendError when the store cannot be reached
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Coordinator> {
  const { locks, ...rest } = options;
  const coordinator = new Coordinator(await backendsOf(url, locks), rest);
  try {
    await coordinator.open();
  } catch (error) {
    await coordinator.close();
    throw error;
  }
  return coordinator;
}

/**
 * What the store at this URL needs before its first use, as SQL, made without a connection. Undefined:
 * nothing, or it is not for SQL.
 * @throws TypeError on a URL it does not know
 */
export async function migrationSql(url: string): Promise<string | undefined> {
  const backend = await backendOf(url);
  try {
    return backend.migrationSql?.();
  } finally {
    await backend.close();
  }
}

async function backendsOf(url: string, locksUrl = url): Promise<Backends> {
  const store = await backendOf(url);
  const locks = locksUrl === url ? store : await backendOf(locksUrl);
  if (keepsRecords(store)) return { locks, records: store };
  if (locks === store) return { locks };
  throw new TypeError(
    `${store.name} keeps locks only: name the store of the records first, ` +
      `connect(recordsUrl, { locks: "${withoutPassword(url)}" })`,
  );
}

const keepsRecords = (store: Backend | LockBackend): store is Backend => "write" in store;

function backendOf(url: string): Promise<Backend | LockBackend> {
  const scheme = typeof url === "string" ? url.slice(0, Math.max(0, url.indexOf(":"))) : "";
  const load = Object.hasOwn(LOADERS, scheme) ? LOADERS[scheme] : undefined;
  if (load === undefined) {
    throw new TypeError(
      `no backend for "${withoutPassword(String(url))}": write one of ` +
        `${Object.keys(LOADERS)
          .map((name) => `${name}:`)
          .join(" ")}, for instance sqlite:./app.db`,
    );
  }
  return load(url);
}

/** Error messages end up in logs, passwords should not. */
function withoutPassword(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//***@");
}
