import { Redis } from "ioredis";
import Redlock from "redlock";
import { HOST, TIGHT_POLL_MS, type Locker, type Opening } from "./locker.ts";

export async function open({ redisPort, ttlMs, variant }: Opening): Promise<Locker> {
  const redis = new Redis({ host: HOST, port: redisPort });
  const polling =
    variant === "tight" ? { retryDelay: TIGHT_POLL_MS, retryJitter: TIGHT_POLL_MS } : {};
  const redlock = new Redlock([redis], { retryCount: -1, ...polling });
  return {
    async lock(name) {
      // The npm release counts the lease from the first attempt, so a caller that waited longer than the
      // lease gets one that is expired by its own clock, and its release refuses. A long lease avoids that.
      const lock = await redlock.acquire([name], Math.max(ttlMs, 60_000));
      return () => lock.release();
    },
  };
}
