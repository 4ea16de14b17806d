import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startMysql } from "../servers/mysql.ts";
import { startPostgres } from "../servers/postgres.ts";
import { startRedis, startRedisCluster } from "../servers/redis.ts";
import { startZooKeeper } from "../servers/zookeeper.ts";

export interface StartedStore {
  readonly url: string;
  /** Where locks are kept, if not with the records. */
  readonly locks?: string;
  stop(): Promise<void>;
}

export interface StoreUrl {
  readonly name: string;
  /** See `Guarantees.fencing`: whether the write sees the lock itself, or only who wrote before. */
  readonly fencing: "grant" | "write";
  start(): Promise<StartedStore>;
}

const memoryUrl: StoreUrl = {
  name: "memory",
  fencing: "grant",
  start: async () => ({ url: "memory:api", stop: async () => undefined }),
};

const sqliteUrl: StoreUrl = {
  name: "sqlite",
  fencing: "grant",
  async start() {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-api-"));
    return {
      url: `sqlite:${join(folder, "store.db")}`,
      stop: () => rm(folder, { recursive: true, force: true }),
    };
  },
};

const redisUrl: StoreUrl = { name: "Redis", fencing: "grant", start: () => startRedis() };

const clusterUrl: StoreUrl = {
  name: "Redis Cluster",
  fencing: "write",
  start: () => startRedisCluster(),
};

const postgresUrl: StoreUrl = { name: "PostgreSQL", fencing: "grant", start: () => startPostgres() };

const mysqlUrl: StoreUrl = { name: "MariaDB", fencing: "grant", start: () => startMysql() };

const zooKeeperUrl: StoreUrl = {
  name: "ZooKeeper",
  fencing: "write",
  async start() {
    const { url, stop } = await startZooKeeper();
    return { url: "memory:beside-zookeeper", locks: url, stop };
  },
};

export const storeUrls: readonly StoreUrl[] = [
  memoryUrl,
  sqliteUrl,
  redisUrl,
  clusterUrl,
  postgresUrl,
  mysqlUrl,
  zooKeeperUrl,
];
