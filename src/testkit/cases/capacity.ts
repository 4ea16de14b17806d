import assert from "node:assert/strict";
import type { Case } from "../case.ts";
import { SHORT_MS } from "../durations.ts";

export const capacity: readonly Case[] = [
  {
    name: "capacity: a request that assumes another one is told so, and not enqueued",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      await a!.take("r", { capacity: 3 });
      for (const ask of [{ capacity: 2 }, { capacity: 4, wait: false }, { capacity: 1, steal: true }]) {
        const { kind, ...rest } = await b!.ask("r", ask);
        assert.equal(kind, "mismatch");
        assert.equal("capacity" in rest && rest.capacity, 3);
      }
      const { places, ...shown } = await b!.backend.inspect("r");
      assert.equal(places.length, 1);
      assert.equal(shown.capacity, 3);
    },
  },
  {
    name: "capacity: may change once nobody holds or waits",
    async run(stage) {
      const a = await stage.join();
      const held = await a.take("r", { capacity: 3 });
      await a.release("r", held.leaseId);
      await a.take("r", { capacity: 2, ttlMs: SHORT_MS });
      await stage.pass(SHORT_MS + 50);
      await a.take("r", { capacity: 1 });
      assert.equal((await a.ask("r", { capacity: 1, wait: false })).kind, "busy");
    },
  },
];
