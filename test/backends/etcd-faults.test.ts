import assert from "node:assert/strict";
import { after, before, describe, test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type LeaseLostError, type ConnectOptions, type Coordinator, type Lease } from "holdfast";
import { etcdFromUrl } from "holdfast/etcd";
import { FaultProxy } from "holdfast/testkit";
import { Actor } from "../faults/actor.ts";
import { post, startEtcd, startEtcdCluster, type EtcdServer } from "../servers/etcd.ts";
import { leftOut } from "../servers/install.ts";

const OPTIONS: ConnectOptions = { ttlMs: 3_000, claimMs: 1_000, fallbackMs: 1_000, callMs: 2_000 };
/** Whatever must come to pass at all, on however slow a machine. */
const PATIENCE_MS = 30_000;

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const giveUpAt = performance.now() + PATIENCE_MS; !(await holds()); await sleep(10)) {
    assert.ok(performance.now() < giveUpAt, `never came true: ${what}`);
  }
}

async function join(t: TestContext, url: string, options = OPTIONS): Promise<Coordinator> {
  const hf = await connect(url, options);
  t.after(() => hf.close());
  return hf;
}

async function actor(t: TestContext, url: string): Promise<Actor> {
  const started = await Actor.start("memory:", { ...OPTIONS, locks: url });
  t.after(() => started.kill());
  return started;
}

const isWaiting = (hf: Coordinator, name: string, count = 1): Promise<void> =>
  until(`${count} wait for ${name}`, async () => (await hf.inspect(name)).waiters.length === count);

const lossOf = (lease: Lease): Promise<LeaseLostError> =>
  new Promise((resolve) => lease.lost.addEventListener("abort", () => resolve(lease.lost.reason)));

describe("etcd and faults", { skip: leftOut("etcd"), timeout: 120_000, concurrency: true }, () => {
  let server: EtcdServer;
  before(async () => {
    server = await startEtcd();
  });
  after(async () => server?.stop());

  async function proxied(t: TestContext, target = server): Promise<{ proxy: FaultProxy; url: string }> {
    const proxy = await FaultProxy.start({ port: target.port });
    t.after(() => proxy.close());
    return { proxy, url: `etcd://127.0.0.1:${proxy.port}` };
  }

  test("SIGKILL: a dead holder and a dead waiter make way, and nothing of them stays", async (t) => {
    const observer = await join(t, server.url);
    const [holder, dead] = await Promise.all([actor(t, server.url), actor(t, server.url)]);
    const first = await holder.do("lock", "killed");
    dead.do("lock", "killed").catch(() => undefined);
    await isWaiting(observer, "killed");
    const next = observer.mutex("killed").lock();
    await isWaiting(observer, "killed", 2);
    await Promise.all([holder.kill(), dead.kill()]);
    const lease = await next;
    assert.ok(lease.token > BigInt(first.token));
    await until("only one to be left", async () => {
      const { holders, waiters } = await observer.inspect("killed");
      return holders.length + waiters.length === 1;
    });
    await lease.release();
  });

  test("SIGSTOP: the next one enters, and the resumed one knows that it has lost", async (t) => {
    const observer = await join(t, server.url);
    const paused = await actor(t, server.url);
    const first = await paused.do("lock", "stopped");
    paused.signal("SIGSTOP");
    const next = await observer.mutex("stopped").lock();
    assert.ok(next.token > BigInt(first.token));
    const isLost = paused.do("isLost", "stopped");
    paused.signal("SIGCONT");
    assert.equal(await isLost, true);
    assert.equal(await paused.do("release", "stopped"), "LeaseLostError");
    const again = paused.do("lock", "stopped");
    await isWaiting(observer, "stopped");
    await next.release();
    assert.ok(BigInt((await again).token) > next.token);
  });

  test("black hole: lost fires before a successor can hold, and all is well after", async (t) => {
    const { proxy, url } = await proxied(t);
    const [cutOff, healthy] = await Promise.all([join(t, url), join(t, server.url)]);
    const lease = await cutOff.mutex("hole").lock();
    const steps: string[] = [];
    const loss = lossOf(lease).then((error) => steps.push(`lost: ${error.reason}`));
    proxy.blackhole();
    const next = await healthy.mutex("hole").lock();
    steps.push("successor");
    await loss;
    assert.deepEqual(steps, ["lost: expired", "successor"]);
    proxy.heal();
    const again = cutOff.mutex("hole").lock();
    await isWaiting(healthy, "hole");
    await next.release();
    await (await again).release();
  });

  test("a member that falls silent is left for the next one, without a loss", async (t) => {
    const { proxy } = await proxied(t);
    const url = `etcd://127.0.0.1:${proxy.port},127.0.0.1:${server.port}`;
    const options = { ...OPTIONS, ttlMs: 10_000 };
    const [moving, other] = await Promise.all([join(t, url, options), join(t, server.url)]);
    const lease = await moving.mutex("silent").lock();
    proxy.blackhole();
    const waiting = other.mutex("silent").lock();
    await isWaiting(other, "silent");
    await lease.release(); // resolves only when it was not lost
    const held = await waiting;
    const back = moving.mutex("silent").lock();
    await isWaiting(other, "silent");
    await held.release();
    await (await back).release();
  });

  test("connections cut at the worst moments delay waiters, but lose nobody", async (t) => {
    const { proxy, url } = await proxied(t);
    const [waiter, holder] = await Promise.all([join(t, url), join(t, server.url)]);
    for (let round = 0; round < 5; round += 1) {
      const lease = await holder.mutex("cut").lock();
      const waiting = waiter.mutex("cut").lock();
      await isWaiting(holder, "cut");
      proxy.reset();
      await lease.release();
      await (await waiting).release();
    }
  });

  test("a watch that is dead but not closed is noticed", async (t) => {
    const { proxy, url } = await proxied(t);
    const [waiter, holder] = await Promise.all([join(t, url), join(t, server.url)]);
    const lease = await holder.mutex("deaf").lock();
    const waiting = waiter.mutex("deaf").lock();
    await isWaiting(holder, "deaf");
    proxy.blackhole("replies");
    await lease.release();
    await sleep(200);
    proxy.heal();
    await (await waiting).release();
  });

  test("replies that are lost: one place is held, and none is left over", async (t) => {
    const { proxy, url } = await proxied(t);
    const [hf, onlooker] = await Promise.all([join(t, url), join(t, server.url)]);
    const losing = (operation: string): Promise<void> =>
      proxy.dropNextReply((request) => request.includes(operation));
    const admission = losing("request_put");
    const lease = await hf.mutex("lost").lock();
    await admission;
    const { holders, waiters } = await onlooker.inspect("lost");
    assert.deepEqual([holders.map(({ token }) => token), waiters], [[lease.token], []]);
    const release = losing("request_delete_range");
    await lease.release();
    await release;
    await (await onlooker.mutex("lost").lock()).release();
  });

  test("an admission that comes after its release leaves no place behind", async (t) => {
    const backend = etcdFromUrl(server.url);
    const { proxy, url } = await proxied(t);
    const late = etcdFromUrl(url);
    const session = {
      namespace: "late",
      owner: { host: "test", pid: 1 },
      claimMs: 1_000,
      patienceMs: 10_000,
      listener: { granted() {}, revoked() {}, contended() {}, look() {} },
    };
    await Promise.all([
      backend.open({ ...session, processId: "observer" }),
      late.open({ ...session, processId: "late" }),
    ]);
    t.after(() => Promise.all([backend.close(), late.close()]));
    const request = { resource: "r", leaseId: "late:1", permits: 1, capacity: 1, ttlMs: 3_000, wait: true };
    // Its leases are there, so that the admission is one request.
    await until("it to work", () =>
      late.admit([{ ...request, leaseId: "late:0", resource: "other" }]).then(() => true, () => false),
    );
    proxy.cut("requests");
    const admitted = late.admit([request]).then(
      ({ results }) => results[0]?.kind,
      (error: Error) => error.name,
    );
    const released = late.release([request]).then(() => undefined, () => undefined);
    await sleep(100);
    proxy.heal();
    await released;
    assert.ok(["gone", "BackendError", "granted"].includes(String(await admitted)));
    await late.release([request]);
    await until("no place to be left", async () => (await backend.inspect("r")).places.length === 0);
  });
});

describe("etcd, killed and compacted", { skip: leftOut("etcd"), timeout: 120_000 }, () => {
  test("a restart keeps leases, waiters go on, tokens grow", async (t) => {
    const server = await startEtcd();
    t.after(() => server.stop());
    const options = { ...OPTIONS, ttlMs: 20_000 };
    const [a, b] = await Promise.all([join(t, server.url, options), join(t, server.url, options)]);
    const lease = await a.mutex("restart").lock();
    const waiting = b.mutex("restart").lock();
    await isWaiting(a, "restart");
    await server.restart();
    assert.equal(lease.lost.aborted, false);
    await lease.release();
    const next = await waiting;
    assert.ok(next.token > lease.token);
    await next.release();
  });

  test("what was compacted away while the watch was cut is read anew", async (t) => {
    const server = await startEtcd();
    t.after(() => server.stop());
    const proxy = await FaultProxy.start({ port: server.port });
    t.after(() => proxy.close());
    const waiter = await join(t, `etcd://127.0.0.1:${proxy.port}`, { ...OPTIONS, fallbackMs: 60_000 });
    const holder = await join(t, server.url);
    const lease = await holder.mutex("compacted").lock();
    const waiting = waiter.mutex("compacted").lock();
    await isWaiting(holder, "compacted");
    proxy.refuse();
    await lease.release();
    const other = await holder.mutex("other").lock();
    await other.release();
    const { header } = await post(server.endpoint, "/v3/kv/range", { key: "AA==" });
    const { revision } = header as { revision: string };
    await post(server.endpoint, "/v3/kv/compaction", { revision });
    proxy.heal();
    await (await waiting).release();
  });

  test("leader killed, follower stopped: holders keep their leases, waiters go on", async (t) => {
    const cluster = await startEtcdCluster();
    t.after(() => cluster.stop());
    const options = { ...OPTIONS, ttlMs: 15_000 };
    const [a, b] = await Promise.all([join(t, cluster.url, options), join(t, cluster.url, options)]);
    let last = 0n;
    for (const fault of ["kill the leader", "stop a follower"]) {
      const lease = await a.mutex("cluster").lock();
      const waiting = b.mutex("cluster").lock();
      await isWaiting(a, "cluster");
      const leader = await cluster.leader();
      const victim =
        fault === "kill the leader" ? leader : cluster.members.find((member) => member !== leader);
      if (fault === "kill the leader") await victim?.kill();
      else victim?.freeze();
      await cluster.leader().catch(() => undefined);
      assert.equal(lease.lost.aborted, false, fault);
      await lease.release();
      const next = await waiting;
      assert.ok(next.token > lease.token && lease.token > last, fault);
      last = next.token;
      await next.release();
      if (fault === "kill the leader") await victim?.restart();
      else victim?.thaw();
    }
  });
});
