import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { connect, type ConnectOptions, type Coordinator } from "holdfast";
import { startRedis, startRedisSentinels } from "../servers/redis.ts";

const FALLBACK_MS = 1_000;
const SLACK_MS = 700;
const OPTIONS: ConnectOptions = { ttlMs: 2_000, claimMs: 500, fallbackMs: FALLBACK_MS, callMs: 1_000 };

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function between(url: string, work: (a: Coordinator, b: Coordinator) => Promise<void>): Promise<void> {
  const pair = await Promise.all([connect(url, OPTIONS), connect(url, OPTIONS)]);
  try {
    await work(...pair);
  } finally {
    await Promise.all(pair.map((each) => each.close()));
  }
}

async function queued(hf: Coordinator, name: string, count: number): Promise<void> {
  while ((await hf.inspect(name)).waiters.length !== count) await sleep(5);
}

/** On a busy machine sentinels see their own clocks leap, and do nothing for 30 s (their "tilt mode"). */
describe("what a Redis may do to its clients", { timeout: 180_000 }, () => {
  test("a push connection dropped at the worst moment delays no one past the fallback interval", async () => {
    const server = await startRedis();
    try {
      await between(server.url, async (a, b) => {
        for (let round = 0; round < 5; round++) {
          const lease = await a.mutex("drop").lock();
          const waiting = b.mutex("drop").lock();
          await queued(a, "drop", 1);
          await server.command("CLIENT", "KILL", "TYPE", "pubsub");
          const releasedAt = performance.now();
          await lease.release();
          const next = await waiting;
          const took = performance.now() - releasedAt;
          assert.ok(took < FALLBACK_MS + SLACK_MS, `took ${Math.round(took)} ms`);
          await next.release();
        }
      });
    } finally {
      await server.stop();
    }
  });

  test("scripts forgotten by the server are sent again", async () => {
    const server = await startRedis();
    try {
      await between(server.url, async (a, b) => {
        const first = await a.mutex("flush").lock();
        await server.command("SCRIPT", "FLUSH");
        assert.equal(await b.mutex("flush").tryLock(), null);
        await server.command("SCRIPT", "FLUSH");
        await first.release();
        await server.command("SCRIPT", "FLUSH");
        await a.records("flush").put("x", 1);
      });
    } finally {
      await server.stop();
    }
  });

  test("a restart forgets everything: the holder is told, waiters go on, tokens grow", async () => {
    const server = await startRedis();
    try {
      await between(server.url, async (a, b) => {
        const lease = await a.mutex("restart").lock();
        const waiting = b.mutex("restart").lock();
        await queued(a, "restart", 1);
        await server.kill();
        await server.restart();
        const next = await waiting;
        assert.ok(next.token > lease.token);
        const lost = new Promise((resolve) => {
          if (lease.lost.aborted) resolve(0);
          lease.lost.addEventListener("abort", resolve);
        });
        await lost;
        await next.release();
      });
    } finally {
      await server.stop();
    }
  });

  test("a failover by Sentinel: waiters and newcomers go on, tokens still grow", async () => {
    const sentinels = await startRedisSentinels();
    try {
      await between(sentinels.url, async (a, b) => {
        const lease = await a.mutex("failover").lock();
        const waiting = b.mutex("failover").lock();
        await queued(a, "failover", 1);
        await sentinels.master.kill();
        const next = await waiting;
        assert.ok(next.token > lease.token);
        await next.release();
        const after = await a.mutex("failover").lock({ waitMs: 5_000 });
        assert.ok(after.token > next.token);
        await after.release();
      });
    } finally {
      await sentinels.stop();
    }
  });
});
