import assert from "node:assert/strict";
import type { Case } from "../case.ts";

export const trying: readonly Case[] = [
  {
    name: "wait false: is granted what is free",
    async run(stage) {
      const a = await stage.join();
      await a.take("r", { wait: false });
    },
  },
  {
    name: "wait false: never enqueues, and tells what is in the way",
    async run(stage) {
      const [a, b, c] = await stage.joinMany(3);
      const held = await a!.take("r", { ttlMs: 20_000 });
      await b!.queue("r");
      const busy = await c!.ask("r", { wait: false });
      assert.equal(busy.kind, "busy");
      if (busy.kind === "busy") {
        assert.equal(busy.ahead, 2);
        assert.equal(busy.lookAt, held.expiresAt);
      }
      assert.equal((await a!.backend.inspect("r")).places.length, 2);
      await a!.release("r", held.leaseId);
      assert.equal((await c!.renew("r", busy.leaseId)).kind, "gone");
    },
  },
];
