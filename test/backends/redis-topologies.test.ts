import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { createSentinel as createSentinel6 } from "redis";
import { createSentinel as createSentinel5 } from "redis5";
import { BackendError, connect, Coordinator } from "holdfast";
import { redis, redisFromUrl } from "holdfast/redis";
import { startRedisCluster, startRedisSentinels } from "../servers/redis.ts";

const HOST = "127.0.0.1";

process.on("unhandledRejection", (reason) => assert.fail(`unhandled rejection: ${String(reason)}`));

test("Sentinel: after a failover waiters go on, and tokens have grown", async (t) => {
  const sentinels = await startRedisSentinels();
  const options = { namespace: "failover", ttlMs: 3_000 };
  const [a, b] = [await connect(sentinels.url, options), await connect(sentinels.url, options)];
  t.after(async () => {
    await Promise.all([a.close(), b.close()]);
    await sentinels.stop();
  });
  const held = await a.mutex("m").lock();
  const waiting = b.mutex("m").lock({ waitMs: 20_000 });
  await wait(200);

  await sentinels.master.kill();
  const killed = performance.now();
  await held.release().catch(() => undefined);
  const next = await waiting;
  assert.ok(next.token > held.token);
  t.diagnostic(`granted ${Math.round(performance.now() - killed)} ms after the master was killed`);
  await next.release();

  // What is new is on the former replica.
  await b.records<number>("c").put("k", 1);
  assert.equal((await a.records<number>("c").get("k"))?.value, 1);
  const again = await a.mutex("m").lock({ waitMs: 5_000 });
  assert.ok(again.token > next.token);
  const pushed = b.mutex("m").lock({ waitMs: 5_000 });
  await wait(100);
  await again.release();
  await (await pushed).release();
});

const SENTINEL_CLIENTS = {
  "redis 6": (sentinelRootNodes: { host: string; port: number }[]) =>
    createSentinel6({ name: "main", sentinelRootNodes }),
  "redis 5": (sentinelRootNodes: { host: string; port: number }[]) =>
    createSentinel5({ name: "main", sentinelRootNodes }),
};

for (const [name, create] of Object.entries(SENTINEL_CLIENTS)) {
  test(`Sentinel: a client of ${name} serves, before and after a failover`, async (t) => {
    const sentinels = await startRedisSentinels();
    const client = create(sentinels.sentinelPorts.map((port) => ({ host: HOST, port })));
    client.on("error", () => undefined);
    await client.connect();
    const hf = new Coordinator(redis(client), { namespace: "n", ttlMs: 2_000 });
    t.after(async () => {
      await hf.close();
      await client.destroy();
      await sentinels.stop();
    });
    const before = await hf.mutex("m").withLock(async (lease) => lease.token);
    await sentinels.master.kill();
    const after = await hf.mutex("m").withLock(async (lease) => lease.token, { waitMs: 20_000 });
    assert.ok(after > before);
  });
}

test("Cluster: locks, handovers and records through one URL, every node taking part", async (t) => {
  const cluster = await startRedisCluster();
  const options = { namespace: "c" };
  const [a, b] = [await connect(cluster.url, options), await connect(cluster.url, options)];
  t.after(async () => {
    await Promise.all([a.close(), b.close()]);
    await cluster.stop();
  });

  const names = Array.from({ length: 60 }, (_, at) => `lock ${at}`);
  const held = await Promise.all(names.map((name) => a.mutex(name).lock()));
  const sizes = await Promise.all(cluster.nodes.map((node) => node.command("DBSIZE")));
  assert.ok(
    sizes.every((size) => Number(size.slice(1).split("\r\n")[0]) > 0),
    sizes.join(),
  );
  const waiting = names.map((name) => b.mutex(name).lock({ waitMs: 10_000 }));
  await wait(200);
  const started = performance.now();
  await Promise.all(held.map((lease) => lease.release()));
  await Promise.all(waiting.map(async (next) => (await next).release()));
  assert.ok(performance.now() - started < 2_000, "by push, and not by asking again");

  const listed: string[] = [];
  await a.mutex("lock 7").withLock(async () => {
    for await (const each of b.list({ prefix: "lock " })) listed.push(each.resource);
  });
  assert.deepEqual(listed, ["lock 7"]);

  const records = a.records<number>("r");
  await Promise.all(names.map((name, at) => records.put(name, at)));
  const page = await records.list({ after: "lock 3" });
  assert.deepEqual(
    page.map(({ key }) => key),
    names.filter((name) => name > "lock 3").sort(),
  );
});

test("Cluster: writes that no step can span are refused, with what to do", async (t) => {
  const cluster = await startRedisCluster();
  const backend = await redisFromUrl(cluster.url);
  t.after(async () => {
    await backend.close();
    await cluster.stop();
  });
  const listener = {
    granted: () => undefined,
    revoked: () => undefined,
    contended: () => undefined,
    look: () => undefined,
  };
  const owner = { host: "here", pid: 1 };
  const terms = { claimMs: 1_000, patienceMs: 1_000 };
  await backend.open({ namespace: "n", processId: "p", owner, listener, ...terms });
  assert.equal(backend.guarantees.writes, "partition");
  const writes = Array.from({ length: 40 }, (_, at) => ({
    collection: "c",
    key: `k${at}`,
    value: "1",
    revision: `r${at}`,
    opId: `o${at}`,
  }));
  await assert.rejects(
    backend.write(writes),
    (error) =>
      error instanceof BackendError &&
      error.outcome === "not-applied" &&
      /one by one/.test(error.message),
  );
  assert.deepEqual(await backend.scan("c", { limit: 100 }), []);
  const findings = (await backend.diagnose?.()) ?? [];
  const levels = new Map(findings.map(({ subject, level }) => [subject, level]));
  assert.equal(levels.get("cluster"), "ok");
  assert.equal(levels.get("cluster clocks"), "ok");
});
