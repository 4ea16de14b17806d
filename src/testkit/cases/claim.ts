import assert from "node:assert/strict";
import type { Case } from "../case.ts";
import { LONG_MS, SHORT_MS } from "../durations.ts";

export const claim: readonly Case[] = [
  {
    name: "claim deadline: a grant handed over lasts only that long, until it is renewed",
    async run(stage) {
      const a = await stage.join();
      const b = await stage.join({ claimMs: 5_000 });
      const held = await a.take("r");
      const next = await b.queue("r", { ttlMs: 90_000 });
      const released = await a.backend.release([{ resource: "r", leaseId: held.leaseId }]);
      const { grant } = await b.hears("granted", next.leaseId);
      assert.ok(Math.abs(grant.expiresAt - (released.now + 5_000)) <= 20);
      const renewed = await b.renew("r", next.leaseId, 90_000);
      assert.equal(renewed.kind, "renewed");
      if (renewed.kind === "renewed") assert.ok(renewed.expiresAt >= released.now + 89_000);
    },
  },
  {
    name: "claim deadline: a dead waiter is passed over, and the next one is told when to look",
    async run(stage) {
      const [a, c] = await stage.joinMany(2);
      const dead = await stage.join({ claimMs: SHORT_MS });
      const held = await a!.take("r");
      const corpse = await dead.queue("r");
      const next = await c!.queue("r");
      await a!.release("r", held.leaseId);
      const { grant } = await dead.hears("granted", corpse.leaseId);
      const { at } = await c!.hears("look", "r");
      assert.equal(at, grant.expiresAt);
      const granted = await stage.until("the next one's grant", SHORT_MS * 8, async () => {
        const answer = await c!.ask("r", { leaseId: next.leaseId });
        return answer.kind === "granted" ? answer : undefined;
      });
      assert.ok(granted.now >= grant.expiresAt, "not before the claim deadline");
      assert.equal((await dead.renew("r", corpse.leaseId)).kind, "gone", "too late");
    },
  },
  {
    name: "claim deadline: a claimed grant outlives it",
    async run(stage) {
      const [a, c] = await stage.joinMany(2);
      const b = await stage.join({ claimMs: SHORT_MS });
      const held = await a!.take("r");
      const next = await b.queue("r");
      const behind = await c!.queue("r");
      await a!.release("r", held.leaseId);
      assert.equal((await b.renew("r", next.leaseId, LONG_MS)).kind, "renewed");
      await stage.pass(SHORT_MS + 50);
      assert.equal((await c!.ask("r", { leaseId: behind.leaseId })).kind, "waiting");
      assert.equal((await b.renew("r", next.leaseId)).kind, "renewed");
    },
  },
];
