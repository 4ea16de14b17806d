import { createClient } from "redis";
import { lock } from "simple-redis-mutex";
import { HOST, type Locker, type Opening } from "./locker.ts";

/** Woken by a message; its polling is only a safety net, so there is no tighter setting. */
export async function open({ redisPort, ttlMs }: Opening): Promise<Locker> {
  const redis = createClient({ socket: { host: HOST, port: redisPort } });
  await redis.connect();
  return { lock: (name) => lock(redis, name, { timeout: ttlMs }) };
}
