import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { memory, MemoryStore } from "holdfast/memory";
import { mysql } from "holdfast/mysql";
import { postgres } from "holdfast/postgres";
import { redis } from "holdfast/redis";
import { sqlite } from "holdfast/sqlite";
import type { SimulatedStore } from "holdfast/testkit";
import { poolOf as mysqlPoolOf } from "./servers/mysql-environment.ts";
import { startMysql } from "./servers/mysql.ts";
import { poolOf } from "./servers/postgres-environment.ts";
import { startPostgres } from "./servers/postgres.ts";
import { startRedis } from "./servers/redis.ts";

/** The stores that programs can be run on, by name. */
export const SIMULATED_STORES: Readonly<
  Record<string, (wall: () => number) => SimulatedStore | Promise<SimulatedStore>>
> = {
  memory(wall) {
    const store = new MemoryStore({ wall });
    return { backend: () => memory(store), close() {} };
  },

  async sqlite(now) {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-simulation-"));
    return {
      backend: () => sqlite(join(folder, "store.db"), { now }),
      close: () => rm(folder, { recursive: true }),
    };
  },

  async redis(now) {
    const server = await startRedis();
    const client = new Redis(server.port);
    return {
      backend: () => redis(client, { now }),
      async close() {
        client.disconnect();
        await server.stop();
      },
    };
  },

  async postgres(now) {
    const server = await startPostgres(["synchronous_commit=off"]);
    const pool = poolOf(server.url);
    return {
      backend: () => postgres(pool, { now }),
      async close() {
        await pool.end();
        await server.stop();
      },
    };
  },

  async mysql(now) {
    const server = await startMysql(["innodb-flush-log-at-trx-commit=0"]);
    const pool = mysqlPoolOf(server.url);
    return {
      backend: () => mysql(pool, { now }),
      async close() {
        await pool.end();
        await server.stop();
      },
    };
  },
};
