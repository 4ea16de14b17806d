import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { after, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { Redis } from "ioredis";
import { BackendError } from "holdfast";
import { IDLE_MEMORY_MS, type Admission, type Backend, type Session } from "holdfast/backend";
import { redis, redisFromUrl } from "holdfast/redis";
import { FaultProxy } from "holdfast/testkit";
import { overNodeRedis } from "#src/backends/redis/own-client.js";
import { backendOver } from "#src/backends/redis/redis-backend.js";
import { parseUrl } from "#src/backends/redis/url.js";
import { SINGLE_CLIENTS } from "../servers/redis-clients.ts";
import { startRedis } from "../servers/redis.ts";

const server = await startRedis();
after(() => server.stop());

process.on("unhandledRejection", (reason) => assert.fail(`unhandled rejection: ${String(reason)}`));

interface Heard {
  readonly granted: string[];
  readonly revoked: string[];
  looks: number;
}

let processes = 0;

/** One process on the backend, and what it was told. */
async function opened(backend: Backend, namespace: string): Promise<{ id: string; heard: Heard }> {
  const heard: Heard = { granted: [], revoked: [], looks: 0 };
  const id = `p${(processes += 1)}`;
  const session: Session = {
    namespace,
    processId: id,
    owner: { host: "here", pid: processes },
    claimMs: 5_000,
    patienceMs: 30_000,
    listener: {
      granted: (_resource, leaseId) => void heard.granted.push(leaseId),
      revoked: (_resource, leaseId) => void heard.revoked.push(leaseId),
      contended: () => undefined,
      look: (resource) => void (resource === undefined && (heard.looks += 1)),
    },
  };
  await backend.open(session);
  return { id, heard };
}

async function admit(
  backend: Backend,
  resource: string,
  leaseId: string,
  ttlMs = 10_000,
): Promise<Admission> {
  const ask = { resource, leaseId, permits: 1, capacity: 1, ttlMs, wait: true };
  return (await backend.admit([ask])).results[0]!;
}

async function release(backend: Backend, resource: string, leaseId: string): Promise<string> {
  return (await backend.release([{ resource, leaseId }])).results[0]!.kind;
}

async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  maxMs = 5_000,
): Promise<void> {
  const giveUpAt = performance.now() + maxMs;
  while (!(await holds())) {
    assert.ok(performance.now() < giveUpAt, `${what}: not within ${maxMs} ms`);
    await wait(10);
  }
}

for (const [name, connect] of Object.entries(SINGLE_CLIENTS)) {
  test(`${name}: goes on when the scripts are forgotten`, async () => {
    const { client, close } = await connect(server.port);
    const backend = redis(client);
    const { id } = await opened(backend, `flush ${name}`);
    await admit(backend, "r", `${id}:1`);
    await server.command("SCRIPT", "FLUSH");
    assert.equal(await release(backend, "r", `${id}:1`), "released");
    await backend.write([{ collection: "c", key: "k", value: "1", revision: "1", opId: "1" }]);
    assert.equal((await backend.read("c", "k"))?.value, "1");
    await backend.close();
    await close();
  });

  test(`${name}: a lost reply leaves one place, also if the client repeats the call`, async () => {
    const proxy = await FaultProxy.start({ port: server.port });
    const { client, close } = await connect(proxy.port);
    const backend = redis(client);
    const { id, heard } = await opened(backend, `lost ${name}`);
    const lost = proxy.dropNextReply((request) => request.includes(`${id}:1`));
    const first = await admit(backend, "r", `${id}:1`).catch((error: unknown) => error);
    await lost;
    if (first instanceof Error) {
      assert.ok(first instanceof BackendError);
      assert.equal(first.outcome, "unknown");
    }
    await until("connected again", async () =>
      backend.time().then(
        () => true,
        () => false,
      ),
    );
    const again = await admit(backend, "r", `${id}:1`);
    assert.equal(again.kind, "granted");
    if ("kind" in (first as object)) assert.deepEqual(first, again);
    assert.equal((await backend.inspect("r")).places.length, 1);

    const releaseLost = proxy.dropNextReply((request) => request.includes(`${id}:1`));
    await release(backend, "r", `${id}:1`).catch(() => undefined);
    await releaseLost;
    await until("connected again", async () =>
      backend.time().then(
        () => true,
        () => false,
      ),
    );
    assert.equal(await release(backend, "r", `${id}:1`), "released");
    assert.equal((await admit(backend, "r", `${id}:1`)).kind, "gone");
    await until("told to look, because messages may be lost", () => heard.looks > 0);
    await backend.close();
    await close();
    await proxy.close();
  });

  test(`${name}: a repeated revocation does not reach the next holder`, async () => {
    const proxy = await FaultProxy.start({ port: server.port });
    const { client, close } = await connect(proxy.port);
    const backend = redis(client);
    const { id } = await opened(backend, `revoke ${name}`);
    await admit(backend, "r", `${id}:1`);
    await admit(backend, "r", `${id}:2`);
    const lost = proxy.dropNextReply((request) => request.includes("stuck"));
    const revoked = await backend
      .revoke({ resource: "r", reason: "stuck", by: { host: "ops", pid: 1 } })
      .catch(() => undefined);
    await lost;
    if (revoked !== undefined)
      assert.deepEqual(
        revoked.map(({ leaseId }) => leaseId),
        [`${id}:1`],
      );
    await until("connected again", async () =>
      backend.time().then(
        () => true,
        () => false,
      ),
    );
    const { places, revocations } = await backend.inspect("r");
    assert.deepEqual(
      places.map(({ leaseId }) => leaseId),
      [`${id}:2`],
    );
    assert.equal(revocations.length, 1);
    await backend.close();
    await close();
    await proxy.close();
  });

  test(`${name}: a push channel that broke is opened again, and serves`, async () => {
    const { client, close } = await connect(server.port);
    const [holder, waiter] = [redis(client), redis(client)];
    const a = await opened(holder, `push ${name}`);
    const b = await opened(waiter, `push ${name}`);
    await admit(holder, "r", `${a.id}:1`);
    assert.equal((await admit(waiter, "r", `${b.id}:1`)).kind, "waiting");
    await server.command("CLIENT", "KILL", "TYPE", "pubsub");
    await until("told to look", () => b.heard.looks > 0);
    await release(holder, "r", `${a.id}:1`);
    await until("the grant to be pushed", () => b.heard.granted.includes(`${b.id}:1`));
    await holder.close();
    await waiter.close();
    await close();
  });

  test(`${name}: a server that restarts is used again; a given client stays open`, async () => {
    const own = await startRedis();
    const { client, close } = await connect(own.port);
    const backend = redis(client);
    const { id, heard } = await opened(backend, "restart");
    const before = await admit(backend, "r", `${id}:1`);
    await own.kill();
    await wait(50);
    const refused = await admit(backend, "r", `${id}:2`).catch((error: unknown) => error);
    assert.ok(refused instanceof BackendError);
    await own.restart();
    await until("connected again", async () =>
      backend.time().then(
        () => true,
        () => false,
      ),
    );
    await until("told to look", () => heard.looks > 0);
    const after = await admit(backend, "r", `${id}:3`);
    assert.ok(before.kind === "granted" && after.kind === "granted" && after.token > before.token);
    await backend.close();
    const still = redis(client);
    await opened(still, "restart");
    await still.close();
    await close();
    await own.stop();
  });
}

test("a URL's connections refuse at once while there is no server, and come back", async () => {
  const own = await startRedis();
  const backend = await redisFromUrl(own.url);
  const { id, heard } = await opened(backend, "url");
  await admit(backend, "r", `${id}:1`);
  await own.kill();
  await until("notices", async () =>
    backend.time().then(
      () => false,
      () => true,
    ),
  );
  const started = performance.now();
  const refused = await admit(backend, "r", `${id}:2`).catch((error: unknown) => error);
  assert.ok(refused instanceof BackendError && refused.outcome === "not-applied", String(refused));
  assert.ok(performance.now() - started < 100);
  await own.restart();
  const restarted = performance.now();
  await until("told to look", () => heard.looks > 0, 2_000);
  await until(
    "serves",
    async () =>
      backend.time().then(
        () => true,
        () => false,
      ),
    2_000,
  );
  assert.ok(performance.now() - restarted < 1_500);
  assert.equal((await admit(backend, "r", `${id}:3`)).kind, "granted");
  await backend.close();
  await own.stop();
});

test("a URL without a server rejects; so does one whose server never answers", async () => {
  const gone = await startRedis();
  await gone.stop();
  const nobody = await redisFromUrl(gone.url);
  await assert.rejects(
    opened(nobody, "n"),
    (error) => error instanceof BackendError && error.outcome === "not-applied",
  );
  await nobody.close();

  const frozen = await startRedis();
  frozen.freeze();
  const overRedis = backendOver(overNodeRedis(await import("redis"), parseUrl(frozen.url)), {});
  const silent = [await redisFromUrl(frozen.url), overRedis];
  const started = performance.now();
  await Promise.all(silent.map((backend) => assert.rejects(opened(backend, "n"), BackendError)));
  assert.ok(performance.now() - started < 7_000);
  await Promise.all(silent.map((backend) => backend.close()));
  await frozen.stop();
});

test("an idle process with a URL's connections ends by itself", async () => {
  const child = fork(new URL("./redis-idle-process.js", import.meta.url), [server.url]);
  const code = await Promise.race([
    new Promise((resolve) => child.once("exit", resolve)),
    wait(8_000, "still running", { ref: false }),
  ]);
  child.kill("SIGKILL");
  assert.equal(code, 0);
});

test("what is kept of a lock runs out by itself", async () => {
  const backend = await redisFromUrl(server.url);
  const { id } = await opened(backend, "expiry");
  const client = new Redis(server.port);
  const kept = (): Promise<number> => client.pttl("expiry:{r}:lock");
  await admit(backend, "r", `${id}:1`);
  const held = await kept();
  assert.ok(held > IDLE_MEMORY_MS + 9_000 && held <= IDLE_MEMORY_MS + 10_000, String(held));
  await release(backend, "r", `${id}:1`);
  // From the moment that it is idle, and no longer than it would have been kept.
  const idle = await kept();
  assert.ok(idle > IDLE_MEMORY_MS - 1_000 && idle <= held, String(idle));
  await admit(backend, "r", `${id}:2`, 3_600_000);
  assert.ok((await kept()) > IDLE_MEMORY_MS + 3_590_000);
  await release(backend, "r", `${id}:2`);
  const idleSooner = await kept();
  assert.ok(idleSooner > IDLE_MEMORY_MS - 1_000 && idleSooner <= IDLE_MEMORY_MS, String(idleSooner));
  client.disconnect();
  await backend.close();
});

test("a client with a key prefix is refused, and so is what is no client", () => {
  const client = new Redis(server.port, { keyPrefix: "app:", lazyConnect: true });
  assert.throws(() => redis(client), /namespace: "app:"/);
  assert.throws(() => redis({} as Redis), TypeError);
});

for (const [name, connect] of Object.entries(SINGLE_CLIENTS)) {
  test(`${name}: diagnosis says what follows for safety`, async () => {
    const own = await startRedis();
    const { client, close } = await connect(own.port);
    const backend = redis(client);
    await opened(backend, "doctor");
    const levels = async () => {
      const findings = (await backend.diagnose?.()) ?? [];
      return Object.fromEntries(findings.map(({ subject, level }) => [subject, level]));
    };
    const healthy = { version: "ok", role: "ok", eviction: "ok", replication: "ok", scripts: "ok" };
    assert.deepEqual(await levels(), { ...healthy, persistence: "warning" });
    await own.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
    await own.command("CONFIG", "SET", "maxmemory", "100mb");
    await own.command("CONFIG", "SET", "appendonly", "yes");
    assert.deepEqual(await levels(), { ...healthy, eviction: "danger", persistence: "warning" });
    await own.command("CONFIG", "SET", "appendfsync", "always");
    assert.equal((await levels())["persistence"], "ok");
    await own.command("ACL", "SETUSER", "default", "-config");
    assert.equal((await levels())["persistence"], "warning");
    await own.command("ACL", "SETUSER", "default", "-eval");
    assert.equal((await levels())["scripts"], "danger");
    await backend.close();
    await close();
    await own.stop();
  });
}

test("a user without a right is told that nothing happened", async () => {
  const own = await startRedis();
  const backend = await redisFromUrl(own.url);
  const { id } = await opened(backend, "rights");
  await own.command("ACL", "SETUSER", "default", "-evalsha");
  const refused = await admit(backend, "r", `${id}:1`).catch((error: unknown) => error);
  assert.ok(refused instanceof BackendError && refused.outcome === "not-applied", String(refused));
  await own.command("ACL", "SETUSER", "default", "+evalsha", "-publish");
  // Pushes only save time; without them locks work all the same.
  assert.equal((await admit(backend, "r", `${id}:2`)).kind, "granted");
  assert.equal((await admit(backend, "r", `${id}:3`)).kind, "waiting");
  assert.equal(await release(backend, "r", `${id}:2`), "released");
  assert.equal((await admit(backend, "r", `${id}:3`)).kind, "granted");
  await backend.close();
  await own.stop();
});

test("where only the package redis is installed, a URL's connections are its", async () => {
  const own = await startRedis();
  const connection = overNodeRedis(await import("redis"), parseUrl(own.url));
  const backend = backendOver(connection, {});
  const { id, heard } = await opened(backend, "fallback");
  assert.equal((await admit(backend, "r", `${id}:1`)).kind, "granted");
  await own.kill();
  await until("notices", async () =>
    backend.time().then(
      () => false,
      () => true,
    ),
  );
  const refused = await admit(backend, "r", `${id}:2`).catch((error: unknown) => error);
  assert.ok(refused instanceof BackendError && refused.outcome === "not-applied", String(refused));
  await own.restart();
  await until("told to look", () => heard.looks > 0);
  await until("serves", async () =>
    backend.time().then(
      () => true,
      () => false,
    ),
  );
  assert.equal((await admit(backend, "r", `${id}:3`)).kind, "granted");
  await backend.close();
  await own.stop();
});

test("a reader of what a failover lost is told to begin anew, also once others were written", async () => {
  const own = await startRedis();
  const backend = await redisFromUrl(own.url);
  await opened(backend, "lost feed");
  const client = new Redis(own.port);
  const put = (value: string): Promise<unknown> =>
    backend.write([{ collection: "c", key: "k", value, revision: `r${value}`, opId: `o${value}` }]);
  await put("1");
  // What a replica would have that did not get the next write.
  const keys = await client.keys("lost feed:*");
  const kept = await Promise.all(keys.map((key) => client.dumpBuffer(key)));
  await put("2");
  const seen = await backend.feedEnd("c");
  await client.flushall();
  await Promise.all(keys.map((key, at) => client.restore(key, 0, kept[at]!)));
  assert.equal((await backend.changes("c", seen, 9)).kind, "reset", "beyond the end");
  await put("3");
  await put("4");
  const answer = await backend.changes("c", seen, 9);
  assert.equal(answer.kind, "reset", "before the end, but never there");
  await put("5");
  const next = await backend.changes("c", answer.position, 9);
  assert.ok(next.kind === "page");
  assert.deepEqual(next.versions.map(({ value }) => value), ["5"]);
  for (const foreign of [{ place: "7" }, { 0: "7" }, { 0: "" }]) {
    assert.equal((await backend.changes("c", foreign as Record<string, string>, 9)).kind, "reset");
  }
  client.disconnect();
  await backend.close();
  await own.stop();
});

test("a thousand combined steps are one write, and numbers in values are never touched", async () => {
  const backend = await redisFromUrl(server.url);
  await opened(backend, "combined");
  const value = '{"n":9007199254740993,"e":[],"f":1e400,"s":"\\u0000"}';
  const steps = Array.from({ length: 1_000 }, (_, at) => ({
    value, revision: `r "${at}"\n`, opId: `o\0${at}`, author: "",
  }));
  const earlier = steps.slice(0, -1);
  const write = { collection: "c", key: "k", ifRevision: null, earlier, ...steps.at(-1)! };
  const outcome = await backend.write([write]);
  assert.equal(outcome.kind, "written");
  assert.deepEqual(await backend.write([write]), outcome);
  const versions = await backend.history("c", "k", { limit: 2_000 });
  const made = versions.map(({ revision }) => revision).reverse();
  assert.deepEqual(made, steps.map(({ revision }) => revision));
  assert.ok(versions.every((version) => version.value === value && version.author === ""));
  await backend.close();
});
