import type { Backend } from "../../backend.ts";
import { connectionTo, type RedisClient } from "./client.ts";
import { ownConnection } from "./own-client.ts";
import { backendOver, type RedisOptions } from "./redis-backend.ts";
import { parseUrl } from "./url.ts";

export type { RedisClient } from "./client.ts";
export type { RedisOptions } from "./redis-backend.ts";

/**
 * A backend on a Redis that a client of "ioredis" or "redis" is connected to: single server,
 * Sentinel or Cluster. The client stays the caller's, who configures, connects and closes it; for
 * pushes the backend opens one more connection like it, and closes that.
 *
 * @throws TypeError if the client is of another library, or has a key prefix.
 */
export function redis(client: RedisClient, options: RedisOptions = {}): Backend {
  return backendOver(connectionTo(client), options);
}

/**
 * A backend on the Redis at a `redis:`, `rediss:`, `redis+sentinel:` or `redis+cluster:` URL, over
 * connections of its own, which `close` ends. Needs "ioredis", or for a single server "redis",
 * installed.
 *
 * @throws TypeError if the URL has another form.
 */
export async function redisFromUrl(url: string, options: RedisOptions = {}): Promise<Backend> {
  return backendOver(await ownConnection(parseUrl(url)), options);
}
