import assert from "node:assert/strict";
import type { Case } from "../case.ts";
import { SHORT_MS } from "../durations.ts";

export const renewal: readonly Case[] = [
  {
    name: "renewal: counts from now, and keeps the token",
    async run(stage) {
      const a = await stage.join();
      const held = await a.take("r", { ttlMs: 30_000 });
      for (const ttlMs of [90_000, 10_000]) {
        const renewed = await a.renew("r", held.leaseId, ttlMs);
        assert.equal(renewed.kind, "renewed");
        if (renewed.kind !== "renewed") continue;
        assert.ok(Math.abs(renewed.expiresAt - (renewed.now + ttlMs)) <= 20);
        const [place] = (await a.backend.inspect("r")).places;
        assert.equal(place?.expiresAt, renewed.expiresAt);
        assert.equal(place.token, held.token);
      }
    },
  },
  {
    name: "renewal: a lease lives as long as it is renewed",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const held = await a!.take("r", { ttlMs: SHORT_MS });
      const waiting = await b!.queue("r");
      for (let renewed = 0; renewed < 8; renewed += 1) {
        await stage.pass(SHORT_MS / 5);
        assert.equal((await a!.renew("r", held.leaseId, SHORT_MS)).kind, "renewed");
        assert.equal((await b!.ask("r", { leaseId: waiting.leaseId })).kind, "waiting");
      }
    },
  },
  {
    name: "renewal: of what waits, or was never seen, is gone and inserts nothing",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const held = await a!.take("r");
      const waiting = await b!.queue("r");
      assert.equal((await b!.renew("r", waiting.leaseId)).kind, "gone");
      assert.equal((await b!.renew("r", b!.leaseId())).kind, "gone");
      assert.equal((await b!.renew("free", b!.leaseId())).kind, "gone");
      const places = (await a!.backend.inspect("r")).places.map(({ leaseId }) => leaseId);
      assert.deepEqual(places, [held.leaseId, waiting.leaseId]);
      assert.deepEqual((await a!.backend.inspect("free")).places, []);
      assert.equal((await b!.ask("r", { leaseId: waiting.leaseId })).kind, "waiting");
    },
  },
  {
    name: "renewal: tells how many places of other processes wait",
    async run(stage) {
      const [a, b, c] = await stage.joinMany(3);
      const held = await a!.take("r");
      assert.equal(held.waiting, 0);
      await a!.queue("r");
      await b!.queue("r");
      await c!.queue("r");
      const renewed = await a!.renew("r", held.leaseId);
      assert.equal(renewed.kind === "renewed" && renewed.waiting, 2);
    },
  },
];
