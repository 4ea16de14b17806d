import { ioredisConnection, isIoredis, type IoredisClient } from "./ioredis.ts";
import { isNodeRedis, nodeRedisConnection, type NodeRedisClient } from "./node-redis.ts";

/**
 * A client of one of the two libraries, by what is used of it, so that neither needs to be
 * installed.
 */
export type RedisClient = IoredisClient | NodeRedisClient;

export type Send = (command: readonly string[]) => Promise<unknown>;

/** What the backend needs of a client, whichever library it is from. */
export interface Connection {
  readonly isCluster: boolean;
  /**
   * Resolves once commands can be sent; rejects if they cannot for now, and may then be called
   * again.
   */
  open(): Promise<void>;
  /**
   * Sends one command, in a cluster to the master of the key's slot, or without a key to any.
   * Rejects with `NotSent` if it certainly was not.
   */
  send(key: string, command: readonly string[]): Promise<unknown>;
  /** A way to send commands to each master. */
  masters(): Promise<readonly Send[]>;
  /**
   * A connection of its own that listens to one channel. It is not mended: `ended` is called once
   * it has ended by itself, perhaps more than once.
   */
  subscribe(
    channel: string,
    heard: (message: string) => void,
    ended: () => void,
  ): Promise<Subscription>;
  /** Calls `handler` each time that the client has connected anew. Returns the way to stop. */
  onReady(handler: () => void): () => void;
  /** Ends what `open` opened; a client that was given is left as it is. */
  close(): void;
}

export interface Subscription {
  /** Resolves when the server has answered over this very connection. */
  ping(): Promise<unknown>;
  close(): void;
}

/** @throws TypeError if it is not a client of a library that is known, or has a key prefix. */
export function connectionTo(client: RedisClient): Connection {
  if (isIoredis(client)) return ioredisConnection(client);
  if (isNodeRedis(client)) return nodeRedisConnection(client);
  throw new TypeError(
    'redis(client): expected a client of "ioredis" (new Redis(), new Cluster()) or of "redis" ' +
      "(createClient(), createCluster(), createSentinel())",
  );
}
