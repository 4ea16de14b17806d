import { Redis } from "ioredis";
import { Mutex } from "redis-semaphore";
import { HOST, TIGHT_POLL_MS, type Locker, type Opening } from "./locker.ts";

export async function open({ redisPort, ttlMs, variant }: Opening): Promise<Locker> {
  const redis = new Redis({ host: HOST, port: redisPort });
  const options = {
    lockTimeout: ttlMs,
    acquireTimeout: 3_600_000,
    ...(variant === "tight" ? { retryInterval: TIGHT_POLL_MS } : {}),
  };
  return {
    async lock(name) {
      const mutex = new Mutex(redis, name, options);
      await mutex.acquire();
      return () => mutex.release();
    },
  };
}
