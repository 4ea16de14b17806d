import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { connect } from "holdfast";
import { scenarios, type LockManagerLike, type Scenario } from "./web-locks-scenarios.ts";

async function transcript(scenario: Scenario, locks: LockManagerLike): Promise<string[]> {
  const lines: string[] = [];
  await scenario.run(locks, (line) => void lines.push(line));
  return lines;
}

/** Node 24 has the real thing; what it says there was written down as `expected`. */
const platform = (globalThis as { navigator?: { locks?: LockManagerLike } }).navigator?.locks;

describe("web locks", () => {
  for (const scenario of scenarios) {
    test(scenario.name, async () => {
      if (platform !== undefined && scenario.platformDiffers === undefined) {
        assert.deepEqual(await transcript(scenario, platform), scenario.expected, "navigator.locks itself");
      }
      const hf = await connect(`memory:web-locks-${scenario.name}`);
      try {
        const ours = hf.locks as unknown as LockManagerLike;
        assert.deepEqual(await transcript(scenario, ours), scenario.expected, "holdfast");
      } finally {
        await hf.close();
      }
    });
  }

  test("two processes exclude each other and see each other's requests", async () => {
    const [a, b] = await Promise.all([connect("memory:web-two"), connect("memory:web-two")]);
    try {
      let release: () => void = () => undefined;
      const holder = a.locks.request("x", () => new Promise<void>((resolve) => (release = resolve)));
      while ((await b.locks.query()).held.length === 0) await new Promise((r) => setTimeout(r, 1));
      const waiter = b.locks.request("x", () => "mine now");
      while ((await a.locks.query()).pending.length === 0) await new Promise((r) => setTimeout(r, 1));
      const { held, pending } = await a.locks.query();
      assert.deepEqual([held[0]?.clientId, pending[0]?.clientId], [a.id, b.id]);
      release();
      await holder;
      assert.equal(await waiter, "mine now");
    } finally {
      await Promise.all([a.close(), b.close()]);
    }
  });
});
