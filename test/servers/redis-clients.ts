import { Cluster as Cluster6, Redis as Ioredis6 } from "ioredis";
import { Cluster as Cluster5, Redis as Ioredis5 } from "ioredis5";
import { createClient as createClient6, createCluster as createCluster6 } from "redis";
import { createClient as createClient5, createCluster as createCluster5 } from "redis5";
import type { RedisClient } from "holdfast/redis";

const HOST = "127.0.0.1";

export interface OpenedClient {
  readonly client: RedisClient;
  close(): unknown;
}

type ByLibrary<Where> = Readonly<Record<string, (where: Where) => Promise<OpenedClient>>>;

const ignore = (): void => undefined;

/** One client of each library and version, with its default options, to a single server. */
export const SINGLE_CLIENTS: ByLibrary<number> = {
  async "ioredis 6"(port) {
    const client = new Ioredis6(port, HOST).on("error", ignore);
    return { client, close: () => client.disconnect() };
  },
  async "ioredis 5"(port) {
    const client = new Ioredis5(port, HOST).on("error", ignore);
    return { client, close: () => client.disconnect() };
  },
  async "redis 6"(port) {
    const client = createClient6({ socket: { host: HOST, port } }).on("error", ignore);
    await client.connect();
    return { client, close: () => client.destroy() };
  },
  async "redis 5"(port) {
    const client = createClient5({ socket: { host: HOST, port } }).on("error", ignore);
    await client.connect();
    return { client, close: () => client.destroy() };
  },
};

/** The same, to a cluster. */
export const CLUSTER_CLIENTS: ByLibrary<readonly number[]> =
  {
    async "ioredis 6"(ports) {
      const client = new Cluster6(ports.map((port) => ({ host: HOST, port }))).on("error", ignore);
      return { client, close: () => client.disconnect() };
    },
    async "ioredis 5"(ports) {
      const client = new Cluster5(ports.map((port) => ({ host: HOST, port }))).on("error", ignore);
      return { client, close: () => client.disconnect() };
    },
    async "redis 6"(ports) {
      const rootNodes = ports.map((port) => ({ socket: { host: HOST, port } }));
      const client = createCluster6({ rootNodes }).on("error", ignore);
      await client.connect();
      return { client, close: () => client.destroy() };
    },
    async "redis 5"(ports) {
      const rootNodes = ports.map((port) => ({ socket: { host: HOST, port } }));
      const client = createCluster5({ rootNodes }).on("error", ignore);
      await client.connect();
      return { client, close: () => client.destroy() };
    },
  };
