import assert from "node:assert/strict";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { Admission, Reply } from "holdfast/backend";
import { mutex } from "./sqlite-harness.ts";
import type { PeerCall, PeerReport } from "./sqlite-peer.ts";

const PEER = fileURLToPath(new URL("./sqlite-peer.js", import.meta.url));
const SOON_MS = 5_000;

type Heard = Extract<PeerReport, { kind: "heard" }>;

test("what happens in one process reaches the others without their asking", async (t) => {
  const [a, b, c] = await peersOf(t, ["a", "b", "c"]);
  await a.call("admit", [mutex("r", "a:1")]);
  await b.call("admit", [mutex("r", "b:1")]);
  await a.hears("contended", "r");
  await c.call("admit", [mutex("r", "c:1")]);
  await a.call("release", [{ resource: "r", leaseId: "a:1" }]);
  const [, , , grant] = (await b.hears("granted", "r", "b:1")).news as [0, 0, 0, { waiting: number }];
  assert.equal(grant.waiting, 1);
  await c.hears("look", "r");
  await b.call("renew", [{ resource: "r", leaseId: "b:1", ttlMs: 30_000 }]);
  await a.call("revoke", { resource: "r", reason: "test", by: { host: "h", pid: 1 } });
  await b.hears("revoked", "r", "b:1", "revoked");
  await c.hears("granted", "r", "c:1");
});

test("a hand-over takes a process hop, not a polling interval", async (t) => {
  const times: number[] = [];
  let [holder, waiter] = await peersOf(t, ["a", "b"]);
  await holder.call("admit", [mutex("r", `${holder.name}:0`)]);
  for (let round = 0; round < 50; round += 1) {
    await waiter.call("admit", [mutex("r", `${waiter.name}:${round + 1}`)]);
    const heard = waiter.hears("granted", "r", `${waiter.name}:${round + 1}`);
    const { at } = await holder.call("release", [{ resource: "r", leaseId: `${holder.name}:${round}` }]);
    times.push((await heard).at - at);
    await waiter.call("renew", [{ resource: "r", leaseId: `${waiter.name}:${round + 1}`, ttlMs: 30_000 }]);
    [holder, waiter] = [waiter, holder];
  }
  times.sort((x, y) => x - y);
  const [middle, most] = [times[25]?.toFixed(2), times[49]?.toFixed(2)];
  t.diagnostic(`release → grant in the other process, ms: p50 ${middle}, max ${most}`);
  assert.ok((times[25] ?? Infinity) < 50, "half of them within 50 ms, on a busy machine too");
});

test("a process whose mailbox is taken away makes a new one, and looks", async (t) => {
  const [a, b] = await peersOf(t, ["a", "b"]);
  await a.call("admit", [mutex("r", "a:1")]);
  await b.call("admit", [mutex("r", "b:1")]);
  const wake = `${a.file}-wake`;
  for (const mailbox of readdirSync(wake)) unlinkSync(join(wake, mailbox));
  await Promise.all([a.hears("look"), b.hears("look")]);
  await a.call("release", [{ resource: "r", leaseId: "a:1" }]);
  await b.hears("granted", "r", "b:1");
});

test("thousands of messages arrive, and the mailbox stays short", async (t) => {
  const [a, b] = await peersOf(t, ["a", "b"]);
  const names = Array.from({ length: 200 }, (_, index) => `${"long ".repeat(40)}${index}`);
  for (let round = 0; round < 3; round += 1) {
    const lease = (peer: Peer, resource: string): string => `${peer.name}:${round} ${resource}`;
    await a.call("admit", names.map((resource) => mutex(resource, lease(a, resource))));
    const admitted = await b.call("admit", names.map((resource) => mutex(resource, lease(b, resource))));
    for (const { kind } of (admitted.answer as Reply<Admission>).results) assert.equal(kind, "waiting");
    await a.call("release", names.map((resource) => ({ resource, leaseId: lease(a, resource) })));
    for (const resource of names) await b.hears("granted", resource, lease(b, resource));
    await b.call("release", names.map((resource) => ({ resource, leaseId: lease(b, resource) })));
  }
  await b.hears("look");
});

/** Processes on a file of their own, which ends with the test. */
async function peersOf<Names extends readonly string[]>(
  t: TestContext,
  names: readonly [...Names],
): Promise<{ [At in keyof Names]: Peer }> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-"));
  const peers = await Promise.all(names.map((name) => Peer.start(join(directory, "a.db"), name)));
  t.after(async () => {
    await Promise.all(peers.map((peer) => peer.stop()));
    rmSync(directory, { recursive: true });
  });
  return peers as { [At in keyof Names]: Peer };
}

class Peer {
  readonly #heard: Heard[] = [];
  readonly #answers = new Map<number, (answer: Extract<PeerReport, { kind: "answer" }>) => void>();
  #calls = 0;

  private constructor(
    readonly name: string,
    readonly file: string,
    readonly child: ChildProcess,
  ) {
    child.on("message", (report: PeerReport) => {
      if (report.kind === "heard") this.#heard.push(report);
      else this.#answers.get(report.id)?.(report);
    });
  }

  static async start(file: string, name: string): Promise<Peer> {
    const child = fork(PEER, [file, name]);
    await once(child, "message");
    return new Peer(name, file, child);
  }

  async stop(): Promise<void> {
    const gone = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await gone;
  }

  call(verb: PeerCall["verb"], argument: unknown): Promise<Extract<PeerReport, { kind: "answer" }>> {
    const call: PeerCall = { id: (this.#calls += 1), verb, argument };
    return new Promise((resolve) => {
      this.#answers.set(call.id, resolve);
      this.child.send(call);
    });
  }

  /** Waits for news that begin like this. */
  async hears(...beginning: readonly string[]): Promise<Heard> {
    for (const until = Date.now() + SOON_MS; Date.now() < until; ) {
      const found = this.#heard.find(({ news }) => beginning.every((part, at) => news[at] === part));
      if (found !== undefined) return found;
      await Promise.race([
        once(this.child, "message"),
        new Promise((resolve) => setTimeout(resolve, 50)),
      ]);
    }
    return assert.fail(`${this.name} did not hear ${beginning.join(" ")} in ${SOON_MS} ms`);
  }
}
