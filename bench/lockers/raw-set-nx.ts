import { Redis } from "ioredis";
import { HOST, type Locker, type Opening } from "./locker.ts";

const RELEASE = `
  if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end
  return 0`;

/** The floor of a lock on Redis: one command each way, no fencing token, no waiting. */
export async function open({ redisPort, ttlMs, index }: Opening): Promise<Locker> {
  const redis = new Redis({ host: HOST, port: redisPort });
  const sha = String(await redis.script("LOAD", RELEASE));
  let count = 0;
  return {
    async lock(name) {
      const owner = `${index}-${count++}`;
      const reply = await redis.set(name, owner, "PX", ttlMs, "NX");
      if (reply !== "OK") throw new Error(`the raw floor cannot wait, and "${name}" is taken`);
      return () => redis.evalsha(sha, 1, name, owner);
    },
  };
}
