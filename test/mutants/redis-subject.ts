import { Redis } from "ioredis";
import { IDLE_MEMORY_MS } from "holdfast/backend";
import type * as HoldfastRedis from "holdfast/redis";
import type { Copy, Subject } from "./subject.ts";

/** Where the server of the mutants listens. */
export const REDIS_PORT = "HOLDFAST_MUTANT_REDIS_PORT";

export async function redisSubject(copy: Copy): Promise<Subject> {
  const { redis } = await copy.load<typeof HoldfastRedis>("backends/redis/index.js");
  const client = new Redis(Number(process.env[REDIS_PORT]));
  return {
    simulated: (now) => ({ backend: () => redis(client, { now }), close() {} }),
    environment() {
      let now = Date.now();
      return {
        backend: () => redis(client, { now: () => now }),
        advance: (ms) => void (now += ms),
        cleanUp: async () => void (now += IDLE_MEMORY_MS + 1),
        close() {},
      };
    },
  };
}
