import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFile, mkdtemp, open, readdir, readFile, rm, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Coordinator } from "holdfast";
import { CuratorHarness, type CuratorProcess } from "../servers/curator.ts";
import { leftOut } from "../servers/install.ts";
import { startZooKeeper } from "../servers/zookeeper.ts";

/** Twice this many turns in all, half of them Java's. */
const TURNS = 500;
const CALLERS = 4;

const skip = leftOut("zookeeper");
const closing: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const close of closing.reverse()) await close();
});

async function both(): Promise<{ hf: Coordinator; java: CuratorProcess; folder: () => Promise<string> }> {
  const [server, harness] = await Promise.all([startZooKeeper(), CuratorHarness.compile()]);
  closing.push(() => server.stop(), () => harness.discard());
  // Every caller stands in ZooKeeper's queue, as Curator's threads do.
  const hf = await connect(server.url, { namespace: "shop", fair: "strict" });
  closing.push(() => hf.close());
  const java = await harness.start(`127.0.0.1:${server.port}`);
  closing.push(() => java.kill());
  const folder = async (): Promise<string> => {
    const made = await mkdtemp(join(tmpdir(), "holdfast-oracle-"));
    closing.push(() => rm(made, { recursive: true, force: true }));
    return made;
  };
  return { hf, java, folder };
}

const started = skip === false ? both() : undefined;

/** False: somebody is inside. */
async function enter(file: string): Promise<boolean> {
  try {
    await (await open(file, "wx")).close();
    return true;
  } catch {
    return false;
  }
}

const inCallers = async (times: number, work: (caller: number) => Promise<void>): Promise<void> => {
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    for (let count = 0; count < times; count++) await work(caller);
  });
  await Promise.all(callers);
};

test("Curator's threads and our callers never hold one mutex together, in turn", { skip }, async () => {
  const { hf, java, folder } = await started!;
  const oracle = await folder();
  const each = TURNS / CALLERS;
  const theirs = java.say("compete-mutex", "/shop/invoice:42", oracle, CALLERS, each);
  let overlaps = 0;
  await inCallers(each, async () => {
    const lease = await hf.mutex("invoice:42").lock();
    if (!(await enter(join(oracle, "inside")))) overlaps += 1;
    await appendFile(join(oracle, "order"), `${lease.token / 1024n} node\n`);
    await unlink(join(oracle, "inside"));
    await lease.release();
  });
  assert.equal(await theirs, "0", "seen by Java");
  assert.equal(overlaps, 0);
  const turns = (await readFile(join(oracle, "order"), "utf8")).trim().split("\n");
  assert.equal(turns.length, 2 * TURNS);
  const tokens = turns.map((line) => Number.parseInt(line, 10));
  assert.deepEqual(tokens, [...tokens].sort((a, b) => a - b), "by arrival, whoever came");
  const changes = turns.filter((line, at) => line.split(" ")[1] !== turns[at - 1]?.split(" ")[1]).length;
  assert.ok(changes > 20, `they took turns: ${changes} changes between Java and Node`);
});

test("Curator's readers and writer and ours never meet in one read-write lock", { skip }, async () => {
  const { hf, java, folder } = await started!;
  const oracle = await folder();
  const each = TURNS / CALLERS;
  const theirs = java.say("compete-read-write", "/shop/catalog", oracle, CALLERS, each);
  let overlaps = 0;
  await inCallers(each, async (caller) => {
    const { read, write } = hf.rwLock("catalog");
    const mine = caller === 0 ? "writer" : `reader-node-${caller}`;
    const lease = await (caller === 0 ? write : read).lock();
    if (!(await enter(join(oracle, mine)))) overlaps += 1;
    const others = (await readdir(oracle)).filter((name) => name !== mine);
    if (caller === 0 ? others.length > 0 : others.includes("writer")) overlaps += 1;
    await unlink(join(oracle, mine));
    await lease.release();
  });
  assert.equal(await theirs, "0", "seen by Java");
  assert.equal(overlaps, 0);
});

test("what Curator holds is busy, shown, and can be force-released", { skip }, async () => {
  const { hf, java } = await started!;
  await java.say("hold", "/shop/till");
  assert.equal(await hf.mutex("till").tryLock(), null);
  const { holders } = await hf.inspect("till");
  assert.equal(holders.length, 1);
  await hf.forceRelease("till", { reason: "the till is stuck" });
  const lease = await hf.mutex("till").lock({ waitMs: 5_000 });
  await lease.release();
});

test("a stolen lock is ahead of Curator's thread that waits for it", { skip }, async () => {
  const { hf, java } = await started!;
  // Web locks are read-write locks.
  const { write } = hf.rwLock("gate");
  const holder = await write.lock();
  let isJavaIn = false;
  const waiting = java.say("hold-to-write", "/shop/gate").then(() => (isJavaIn = true));
  while ((await hf.inspect("gate")).waiters.length === 0) await sleep(5);
  await hf.locks.request("gate", { steal: true }, async () => {
    await once(holder.lost, "abort");
    // Time enough to come in, for one who could.
    await sleep(200);
    assert.equal(isJavaIn, false);
    assert.equal((await hf.inspect("gate")).waiters.length, 1);
  });
  await waiting;
  assert.equal(await write.tryLock(), null);
  await java.say("release");
});
