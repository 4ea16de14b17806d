import { LockFactory } from "@verrou/core";
import { redisStore } from "@verrou/core/drivers/redis";
import { Redis } from "ioredis";
import { HOST, TIGHT_POLL_MS, type Locker, type Opening } from "./locker.ts";

export async function open({ redisPort, ttlMs, variant }: Opening): Promise<Locker> {
  const connection = new Redis({ host: HOST, port: redisPort });
  const factory = new LockFactory(
    redisStore({ connection }).factory(),
    variant === "tight" ? { retry: { delay: TIGHT_POLL_MS } } : {},
  );
  return {
    async lock(name) {
      const lock = factory.createLock(name, ttlMs);
      await lock.acquire();
      return () => lock.release();
    },
  };
}
