import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { connect, type Coordinator, type Term } from "holdfast";
import { FaultProxy } from "holdfast/testkit";
import { leftOut } from "../servers/install.ts";
import { startRedis } from "../servers/redis.ts";
import type { Run } from "./candidate-process.ts";
import { sqliteStore } from "./stores.ts";

const CANDIDATE = fileURLToPath(new URL("./candidate-process.js", import.meta.url));
/** However slow the machine: so long a new leader, or anything else, may take. */
const PATIENCE_MS = 20_000;

interface Elected {
  readonly term: bigint;
  readonly candidate: ChildProcess;
}

/** Candidates in processes of their own, and who of them has come to lead. */
class Candidates {
  readonly #processes = new Set<ChildProcess>();
  readonly #elected: Elected[] = [];
  #count = 0;
  #errors = "";

  constructor(private readonly url: string) {}

  start(): void {
    const child = spawn(process.execPath, [CANDIDATE, this.url, `candidate ${(this.#count += 1)}`], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#processes.add(child);
    createInterface({ input: child.stdout }).on("line", (line) => {
      this.#elected.push({ term: BigInt(line.split(" ")[1] ?? 0), candidate: child });
    });
    child.stderr.on("data", (data: Buffer) => (this.#errors += data.toString()));
  }

  /** The first to lead in a term after `term`. */
  async next(term: bigint): Promise<Elected> {
    for (const giveUpAt = Date.now() + PATIENCE_MS; Date.now() < giveUpAt; await delay(2)) {
      const elected = this.#elected.find((each) => each.term > term);
      if (elected !== undefined) return elected;
    }
    assert.fail(`nobody leads: ${this.#errors}`);
  }

  kill(candidate: ChildProcess): void {
    this.#processes.delete(candidate);
    candidate.kill("SIGKILL");
  }

  end(): void {
    for (const each of this.#processes) each.kill("SIGKILL");
  }
}

/**
 * Kills the leader again and again. Every so many it only stops one, which goes on when somebody else leads.
 */
async function kill(times: number, url: string, stopsEvery = Infinity): Promise<readonly number[]> {
  const candidates = new Candidates(url);
  const tookMs: number[] = [];
  const hf = await connect(url);
  try {
    for (let n = 0; n < 4; n += 1) candidates.start();
    let leader = await candidates.next(0n);
    for (let n = 1; n <= times; n += 1) {
      await delay(Math.random() * 30);
      const { candidate, term } = leader;
      if (n % stopsEvery === 0) candidate.kill("SIGSTOP");
      else candidates.kill(candidate);
      const killedAt = performance.now();
      leader = await candidates.next(term);
      tookMs.push(performance.now() - killedAt);
      if (n % stopsEvery === 0) candidate.kill("SIGCONT");
      else candidates.start();
    }
    const runs = (await hf.records<readonly Run[]>("ledger").get("runs"))?.value ?? [];
    assert.ok(runs.length > times, `${runs.length} terms`);
    for (const [index, { term }] of runs.entries()) {
      const before = runs[index - 1]?.term ?? "0";
      assert.ok(BigInt(term) > BigInt(before), `a write in term ${term} was accepted after one in ${before}`);
    }
    return tookMs.sort((a, b) => a - b);
  } finally {
    candidates.end();
    await hf.close();
  }
}

describe("elections and faults", { concurrency: true, timeout: 120_000 }, () => {
  const killing = "under load: terms increase, and no write is accepted after a later leader's";

  test(`the leader killed 50 times ${killing}, on Redis`, { skip: leftOut("redis") }, async (t) => {
    const server = await startRedis();
    try {
      const tookMs = await kill(50, server.url, 5);
      t.diagnostic(`takeover p50 ${tookMs[25]?.toFixed(0)} ms, max ${tookMs[49]?.toFixed(0)} ms; ttl 250 ms`);
    } finally {
      await server.stop();
    }
  });

  test(`the leader killed 10 times ${killing}, on SQLite`, async () => {
    const store = await sqliteStore.start();
    try {
      // Nobody is stopped: whoever is stopped within a transaction keeps the file locked for everybody.
      await kill(10, store.url);
    } finally {
      await store.stop();
    }
  });

  test("a leader cut off from the store steps down before its successor acts", {
    skip: leftOut("redis"),
  }, async () => {
    const server = await startRedis();
    const proxy = await FaultProxy.start({ port: server.port });
    const options = { ttlMs: 2_000, fallbackMs: 500 };
    const steps: string[] = [];
    let cutOff: Coordinator | undefined;
    let healthy: Coordinator | undefined;
    try {
      cutOff = await connect(`redis://127.0.0.1:${proxy.port}`, options);
      healthy = await connect(server.url, options);
      const stop = new AbortController();
      const work = async (term: Term): Promise<void> => {
        steps.push(`${term.id} leads`);
        await new Promise((resolve) => term.signal.addEventListener("abort", resolve));
        steps.push(`${term.id} is to stop: ${term.lost.aborted ? "too late" : "in time"}`);
        await delay(50);
        steps.push(`${term.id} has stopped`);
      };
      const stand = (hf: Coordinator, id: string): Promise<void> =>
        assert.rejects(hf.election("chief").lead(id, work, stop), { name: "AbortError" });
      const led = [stand(cutOff, "cut off")];
      await seen(steps, 1);
      led.push(stand(healthy, "healthy"));
      proxy.blackhole();
      await seen(steps, 4);
      assert.deepEqual(steps, [
        "cut off leads",
        "cut off is to stop: in time",
        "cut off has stopped",
        "healthy leads",
      ]);
      proxy.heal();
      stop.abort();
      await Promise.all(led);
    } finally {
      proxy.heal();
      await Promise.all([cutOff?.close(), healthy?.close()]);
      await proxy.close();
      await server.stop();
    }
  });
});

async function seen(steps: readonly string[], count: number): Promise<void> {
  for (const giveUpAt = Date.now() + PATIENCE_MS; steps.length < count; await delay(5)) {
    assert.ok(Date.now() < giveUpAt, steps.join("; "));
  }
}
