import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Coordinator } from "holdfast";
import { startEtcd, type EtcdServer } from "../servers/etcd.ts";
import { findProgram, leftOut } from "../servers/install.ts";

/** So often both take the lock, in all. */
const ROUNDS = 1_000;
/** One run of etcdctl takes the lock once, and is a process that starts another. */
const ETCDCTL_RUNS = 60;
const PATIENCE_MS = 30_000;

/** Every caller of ours stands in etcd's queue. */
const strict = { fair: "strict" } as const;

/** `etcdctl lock` and Holdfast stand in one queue: the same keys, the same order. */
describe("etcd and etcdctl lock", { skip: leftOut("etcd"), timeout: 180_000 }, () => {
  let server: EtcdServer;
  let folder: string;
  let a: Coordinator;
  let b: Coordinator;
  const children = new Set<ChildProcess>();
  before(async () => {
    server = await startEtcd();
    folder = mkdtempSync(join(tmpdir(), "holdfast-etcdctl-"));
    [a, b] = await Promise.all([connect(server.url), connect(server.url)]);
  });
  after(async () => {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all([a?.close(), b?.close()]);
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function etcdctl(...args: string[]): Promise<string> {
    const child = spawn(findProgram("etcdctl") ?? "etcdctl", ["--endpoints", server.endpoint, ...args], {
      env: { ...process.env, ETCDCTL_API: "3" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.add(child);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data));
    const [code] = (await once(child, "close")) as [number | null];
    children.delete(child);
    assert.equal(code, 0, output);
    return output;
  }

  const waiters = async (name: string, count: number): Promise<void> => {
    for (const giveUpAt = performance.now() + PATIENCE_MS; ; await sleep(10)) {
      if ((await a.inspect(name)).waiters.length === count) return;
      assert.ok(performance.now() < giveUpAt, `${count} never waited for ${name}`);
    }
  };

  test("they compete for one mutex a thousand times, and never two hold it", async (t) => {
    // A process that stands still for its claim deadline loses what it was handed, and rightly so.
    const standstill = monitorEventLoopDelay({ resolution: 5 });
    standstill.enable();
    // Making a folder fails if it is there: whoever overlaps fails, on either side.
    const critical = join(folder, "critical");
    const script = `mkdir ${critical} && rmdir ${critical}`;
    let etcdctlRuns = 0;
    const theirs = Array.from({ length: 2 }, async () => {
      while ((etcdctlRuns += 1) <= ETCDCTL_RUNS) {
        await etcdctl("lock", "--", "holdfast/contended", "sh", "-c", script);
      }
    });
    const areBusy = (): boolean => etcdctlRuns < ETCDCTL_RUNS;
    let ours = 0;
    const callers = [a, a, b, b].map(async (hf) => {
      for (; areBusy() || ours < ROUNDS - ETCDCTL_RUNS; ours += 1) {
        await hf.mutex("contended", strict).withLock(() => {
          mkdirSync(critical);
          rmdirSync(critical);
        });
      }
    });
    try {
      await Promise.all([...theirs, ...callers]);
    } finally {
      t.diagnostic(`the process stood still for ${Math.round(standstill.max / 1e6)} ms at most`);
    }
    const { holders, waiters: left } = await a.inspect("contended");
    assert.deepEqual([holders, left], [[], []]);
  });

  test("first come, first served over both", async () => {
    const log = join(folder, "order");
    const write = (who: string): void => appendFileSync(log, `${who}\n`);
    const run = (who: string): Promise<string> =>
      etcdctl("lock", "--", "holdfast/order", "sh", "-c", `echo ${who} >> ${log}`);
    const lease = await a.mutex("order").lock();
    const turns: Promise<unknown>[] = [];
    const order = ["etcdctl 1", "ours 1", "ours 2", "etcdctl 2", "etcdctl 3", "ours 3"];
    for (const who of order) {
      turns.push(who.startsWith("ours") ? b.mutex("order", strict).withLock(() => write(who)) : run(who));
      await waiters("order", turns.length);
    }
    await lease.release();
    await Promise.all(turns);
    assert.deepEqual(readFileSync(log, "utf8").trimEnd().split("\n"), order);
  });

  test("each side sees the other's holder; ours may take it away, with a reason", async () => {
    const held = etcdctl("lock", "--", "holdfast/seen", "sleep", "2");
    for (const giveUpAt = performance.now() + PATIENCE_MS; ; await sleep(10)) {
      if ((await a.inspect("seen")).holders.length === 1) break;
      assert.ok(performance.now() < giveUpAt, "etcdctl never got it");
    }
    const [holder] = (await a.inspect("seen")).holders;
    assert.deepEqual([holder?.owner.label, holder?.mode], ["another program on etcd", "exclusive"]);
    assert.equal(await a.mutex("seen").tryLock(), null);
    assert.equal(await b.mutex("seen").tryLock(), null);
    const [revoked] = await a.forceRelease("seen", { reason: "test" });
    assert.equal(revoked?.token, holder?.token);
    await (await b.mutex("seen").lock()).release();
    await held;
  });
});
