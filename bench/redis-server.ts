import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { Redis } from "ioredis";
import { HOST } from "./lockers/locker.ts";
import { pinned, processBusyMs } from "./machine.ts";
import { freePort } from "./server-program.ts";
import { NOWHERE, type Servers } from "./servers.ts";
import { sleep } from "./stopwatch.ts";

/** A server of its own on the loopback, on a free port, without persistence, pinned to the servers' core. */
export async function startRedis(directory: string): Promise<Servers> {
  mkdirSync(directory, { recursive: true });
  const port = await freePort();
  const [command, ...prefix] = pinned("server", "redis-server");
  const options = { port, bind: HOST, save: "", appendonly: "no", dir: directory };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = spawn(command, [...prefix, ...args], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  const failed = new Promise<never>((_resolve, reject) => {
    server.once("error", (cause) => {
      reject(new Error("redis-server does not start. Is it installed and on the PATH?", { cause }));
    });
  });
  const redis = await Promise.race([failed, connectPatiently(port)]);
  const version = /redis_version:(\S+)/.exec(await redis.info("server"))?.[1] ?? "unknown";
  return {
    addresses: { ...NOWHERE, redisPort: port },
    description: `Redis ${version}`,
    async flush() {
      await redis.flushall();
    },
    async settle() {
      // The first may be answered in the same turn of the server's loop in which it reads the others; the
      // second is read in a later one.
      await redis.ping();
      await redis.ping();
    },
    // taskset replaces itself by the server, so that the child's pid is the server's.
    busyMs: () => processBusyMs(server.pid ?? 0),
    async stop() {
      redis.disconnect();
      server.kill();
      await ended;
    },
  };
}

async function connectPatiently(port: number): Promise<Redis> {
  for (let attempt = 0; ; attempt++) {
    const redis = new Redis({ host: HOST, port, lazyConnect: true, retryStrategy: () => null });
    redis.on("error", () => {});
    try {
      await redis.connect();
      return redis;
    } catch (cause) {
      redis.disconnect();
      if (attempt === 100) throw new Error("redis-server does not answer", { cause });
      await sleep(50);
    }
  }
}
