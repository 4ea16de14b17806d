import assert from "node:assert/strict";
import { FORGOTTEN_MAX } from "../../backend.ts";
import type { Case } from "../case.ts";

export const idempotence: readonly Case[] = [
  {
    name: "idempotence: a repeated admission gives the same answer, and no second place",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const held = await a!.take("r", { ttlMs: 30_000 });
      const waiting = await b!.queue("r");
      await stage.pass(20);
      const again = await a!.take("r", { leaseId: held.leaseId, ttlMs: 90_000 });
      assert.equal(again.token, held.token);
      assert.equal(again.expiresAt, held.expiresAt, "only renewal lengthens a grant");
      assert.equal((await b!.queue("r", { leaseId: waiting.leaseId })).ahead, 1);
      assert.equal((await a!.backend.inspect("r")).places.length, 2);
    },
  },
  {
    name: "idempotence: a repeated release gives the same answer, and frees nobody else",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const held = await a!.take("r");
      const next = await b!.queue("r");
      assert.equal(await a!.release("r", held.leaseId), "released");
      assert.equal(await a!.release("r", held.leaseId), "released");
      assert.equal((await b!.renew("r", next.leaseId)).kind, "renewed");
      assert.equal(await a!.release("r", held.leaseId), "released");
      assert.equal((await b!.renew("r", next.leaseId)).kind, "renewed");
    },
  },
  {
    name: "idempotence: late duplicates of a released lease do nothing",
    async run(stage) {
      const a = await stage.join();
      const held = await a.take("r");
      await a.release("r", held.leaseId);
      assert.equal((await a.ask("r", { leaseId: held.leaseId })).kind, "gone");
      assert.equal((await a.ask("r", { leaseId: held.leaseId, wait: false })).kind, "gone");
      assert.equal((await a.ask("r", { leaseId: held.leaseId, steal: true })).kind, "gone");
      assert.equal((await a.renew("r", held.leaseId)).kind, "gone");
      assert.deepEqual((await a.backend.inspect("r")).places, []);
    },
  },
  {
    name: "idempotence: a waiter's release ends it for good",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const held = await a!.take("r");
      const waiting = await b!.queue("r");
      assert.equal(await b!.release("r", waiting.leaseId), "released");
      assert.equal((await b!.ask("r", { leaseId: waiting.leaseId })).kind, "gone");
      await a!.release("r", held.leaseId);
      assert.equal((await b!.ask("r", { leaseId: waiting.leaseId })).kind, "gone");
      assert.equal(await b!.release("r", waiting.leaseId), "released");
    },
  },
  {
    name: "idempotence: a release that comes before its admission wins",
    async run(stage) {
      const a = await stage.join();
      const leaseId = a.leaseId();
      assert.equal(await a.release("r", leaseId), "gone");
      assert.equal((await a.ask("r", { leaseId })).kind, "gone");
      assert.equal(await a.release("r", leaseId), "gone");
      assert.deepEqual((await a.backend.inspect("r")).places, []);
      await a.take("r");
    },
  },
  {
    name: "idempotence: a release by an id that holds nothing frees nobody",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const held = await a!.take("r");
      assert.equal(await b!.release("r", b!.leaseId()), "gone");
      assert.equal((await a!.renew("r", held.leaseId)).kind, "renewed");
    },
  },
  {
    name: "idempotence: the last ids that ended are remembered",
    async run(stage) {
      const a = await stage.join();
      const ended: string[] = [];
      for (let count = 0; count < FORGOTTEN_MAX; count += 1) {
        const held = await a.take("r");
        await a.release("r", held.leaseId);
        ended.push(held.leaseId);
      }
      for (const leaseId of ended) {
        assert.equal((await a.ask("r", { leaseId })).kind, "gone");
        assert.equal(await a.release("r", leaseId), "released");
      }
    },
  },
];
