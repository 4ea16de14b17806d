import { Redis } from "ioredis";
import { createLock, IoredisAdapter } from "redlock-universal";
import { HOST, TIGHT_POLL_MS, type Locker, type Opening } from "./locker.ts";

export async function open({ redisPort, ttlMs, variant }: Opening): Promise<Locker> {
  const adapter = new IoredisAdapter(new Redis({ host: HOST, port: redisPort }));
  const settings =
    variant === "tight" ? ({ retryDelay: TIGHT_POLL_MS, performance: "lean" } as const) : {};
  return {
    async lock(name) {
      const lock = createLock({ adapter, key: name, ttl: ttlMs, retryAttempts: 1e9, ...settings });
      const handle = await lock.acquire();
      return () => lock.release(handle);
    },
  };
}
