import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FaultProxy } from "holdfast/testkit";
import { startMysql } from "../servers/mysql.ts";
import { startPostgres } from "../servers/postgres.ts";
import { startRedis } from "../servers/redis.ts";
import { freezeSqlite } from "./freeze-sqlite.ts";

/** A real store that can be frozen: reachable, but answering nobody. */
export interface FaultyStore {
  readonly url: string;
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  stop(): Promise<void>;
}

export interface StoreKind {
  readonly name: string;
  start(): Promise<FaultyStore>;
}

export const sqliteStore: StoreKind = {
  name: "sqlite",
  async start() {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-faults-"));
    const file = join(folder, "store.db");
    let thaw: (() => Promise<void>) | undefined;
    return {
      url: `sqlite:${file}`,
      async freeze() {
        thaw = await freezeSqlite(file);
      },
      async thaw() {
        await thaw?.();
        thaw = undefined;
      },
      async stop() {
        await thaw?.();
        await rm(folder, { recursive: true, force: true });
      },
    };
  },
};

/** The server process is stopped: its sockets stay open and take bytes, nobody answers. */
const frozenRedis: StoreKind = {
  name: "Redis, server stopped",
  async start() {
    const server = await startRedis();
    return {
      url: server.url,
      freeze: async () => server.freeze(),
      thaw: async () => server.thaw(),
      stop: async () => {
        server.thaw();
        await server.stop();
      },
    };
  },
};

/** The network swallows everything: connections look open, and nothing gets through, ever. */
const blackHoledRedis: StoreKind = {
  name: "Redis, connections black-holed",
  async start() {
    const server = await startRedis();
    const proxy = await FaultProxy.start({ port: server.port });
    return {
      url: `redis://127.0.0.1:${proxy.port}`,
      freeze: async () => proxy.blackhole(),
      thaw: async () => proxy.heal(),
      stop: async () => {
        await proxy.close();
        await server.stop();
      },
    };
  },
};

/** Postmaster and sessions are stopped. */
const frozenPostgres: StoreKind = {
  name: "PostgreSQL, server stopped",
  async start() {
    return startPostgres();
  },
};

const blackHoledPostgres: StoreKind = {
  name: "PostgreSQL, connections black-holed",
  async start() {
    const server = await startPostgres();
    const proxy = await FaultProxy.start({ port: server.port });
    return {
      url: server.url.replace(`:${server.port}`, `:${proxy.port}`),
      freeze: async () => proxy.blackhole(),
      thaw: async () => proxy.heal(),
      stop: async () => {
        await proxy.close();
        await server.stop();
      },
    };
  },
};

const frozenMysql: StoreKind = {
  name: "MariaDB, server stopped",
  async start() {
    const server = await startMysql();
    return {
      url: server.url,
      freeze: async () => server.freeze(),
      thaw: async () => server.thaw(),
      stop: () => server.stop(),
    };
  },
};

const blackHoledMysql: StoreKind = {
  name: "MariaDB, connections black-holed",
  async start() {
    const server = await startMysql();
    const proxy = await FaultProxy.start({ port: server.port });
    return {
      url: server.url.replace(`:${server.port}`, `:${proxy.port}`),
      freeze: async () => proxy.blackhole(),
      thaw: async () => proxy.heal(),
      stop: async () => {
        await proxy.close();
        await server.stop();
      },
    };
  },
};

export const storeKinds: readonly StoreKind[] = [
  sqliteStore,
  frozenRedis,
  blackHoledRedis,
  frozenPostgres,
  blackHoledPostgres,
  frozenMysql,
  blackHoledMysql,
];
