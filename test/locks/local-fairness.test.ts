import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, on, type Coordinator } from "holdfast";
import { systemClock, type Clock } from "#src/clock.js";

/** The bounds of src/locks/local-queue.ts. */
const PASSES_MAX = 128;
const PASSING_MS = 10;

describe("callers of one process that pass a lock on", () => {
  /** How many of 300 local callers, each holding for `holdMs`, are served before one of another process. */
  async function servedBefore(holdMs: number, clock: Clock): Promise<number> {
    return between(clock, async (busy, other) => {
      let isServed = false;
      let before = 0;
      const work = async (): Promise<void> => {
        if (!isServed) before += 1;
        if (holdMs > 0) await sleep(holdMs);
      };
      const first = await busy.mutex("hot").lock();
      const locals = Array.from({ length: 300 }, () => busy.mutex("hot").withLock(work));
      const isQueued = new Promise<void>((resolve) => {
        const stop = on("lock.waiting", ({ local }) => local || (stop(), resolve()));
      });
      const waiting = other.mutex("hot").withLock(() => void (isServed = true));
      await isQueued;
      await first.release();
      await Promise.all([waiting, ...locals]);
      return before;
    });
  }

  test("let another process in after so many", async () => {
    // Time hardly passes, so that a slow machine does not run into the other bound.
    const clock = { ...systemClock, now: () => systemClock.now() / 1_000 };
    assert.equal(await servedBefore(0, clock), PASSES_MAX);
  });

  test("let another process in after so long", async () => {
    const before = await servedBefore(4, systemClock);
    assert.ok(before <= PASSING_MS / 4 + 2, `${before} were served before it, 4 ms each`);
  });

  test("do not overtake one of their own who stands in the store's queue", async () => {
    await between(systemClock, async (hf) => {
      const order: string[] = [];
      const first = await hf.mutex("mixed").lock();
      const strict = hf.mutex("mixed", { fair: "strict" }).withLock(() => void order.push("strict"));
      const local = hf.mutex("mixed").withLock(() => void order.push("local"));
      while ((await hf.inspect("mixed")).waiters.length < 2) await sleep(1);
      await first.release();
      await Promise.all([strict, local]);
      assert.deepEqual(order, ["strict", "local"]);
    });
  });
});

async function between<T>(clock: Clock, work: (a: Coordinator, b: Coordinator) => Promise<T>): Promise<T> {
  const open = (): Promise<Coordinator> => connect("memory:local-fairness", { clock });
  const pair = await Promise.all([open(), open()]);
  try {
    return await work(...pair);
  } finally {
    await Promise.all(pair.map((each) => each.close()));
  }
}
