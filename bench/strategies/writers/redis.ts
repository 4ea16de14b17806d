import { Redis } from "ioredis";
import { Mutex } from "redis-semaphore";
import { increment, pause, type Open } from "./writer.ts";

const CAS = `
if redis.call("GET", KEYS[1]) ~= ARGV[1] and not (ARGV[1] == "0" and redis.call("EXISTS", KEYS[1]) == 0) then
  return 0
end
redis.call("SET", KEYS[1], ARGV[2])
return 1`;

/** The floor: a read and a conditional write by script, and again if refused. */
export const rawCas: Open = async ({ url, editMs }) => {
  const redis = new Redis(url);
  const sha = (await redis.script("LOAD", CAS)) as string;
  return {
    async update(key) {
      for (let attempt = 1; ; attempt += 1) {
        const count = (await redis.get(`cas:${key}`)) ?? "0";
        const next = String(increment(Number(count), editMs));
        if ((await redis.evalsha(sha, 1, `cas:${key}`, count, next)) === 1) return attempt;
        if (attempt > 1) await pause(attempt);
      }
    },
    read: async (key) => Number((await redis.get(`cas:${key}`)) ?? 0),
    close: async () => redis.disconnect(),
  };
};

/** WATCH, GET, MULTI, SET, EXEC, on a connection of its own for each update under way; again if refused. */
export const watch: Open = async ({ url, editMs }) => {
  const idle: Redis[] = [];
  const all: Redis[] = [];
  const take = (): Redis => {
    const redis = idle.pop() ?? new Redis(url);
    if (!all.includes(redis)) all.push(redis);
    return redis;
  };
  return {
    async update(key) {
      const redis = take();
      try {
        for (let attempt = 1; ; attempt += 1) {
          const [, reply] = (await redis.pipeline().watch(`watch:${key}`).get(`watch:${key}`).exec())!;
          const next = increment(Number(reply?.[1] ?? 0), editMs);
          const done = await redis.multi().set(`watch:${key}`, String(next)).exec();
          if (done !== null) return attempt;
          await pause(attempt);
        }
      } finally {
        idle.push(redis);
      }
    },
    read: async (key) => Number((await take().get(`watch:${key}`)) ?? 0),
    async close() {
      for (const redis of all) redis.disconnect();
    },
  };
};

/** A lock by redis-semaphore at the fastest poll that a timer can do, then GET and SET. */
export const lockedSet: Open = async ({ url, editMs }) => {
  const redis = new Redis(url);
  return {
    async update(key) {
      const options = { lockTimeout: 30_000, acquireTimeout: 600_000, retryInterval: 1 };
      const mutex = new Mutex(redis, `lock:${key}`, options);
      await mutex.acquire();
      try {
        const count = Number((await redis.get(`locked:${key}`)) ?? 0);
        await redis.set(`locked:${key}`, String(increment(count, editMs)));
        return 1;
      } finally {
        await mutex.release();
      }
    },
    read: async (key) => Number((await redis.get(`locked:${key}`)) ?? 0),
    close: async () => redis.disconnect(),
  };
};

/** What only fits counters, and asks for no edit: the server's own increment. */
export const incr: Open = async ({ url }) => {
  const redis = new Redis(url);
  return {
    async update(key) {
      await redis.incr(`incr:${key}`);
      return 1;
    },
    read: async (key) => Number((await redis.get(`incr:${key}`)) ?? 0),
    close: async () => redis.disconnect(),
  };
};
