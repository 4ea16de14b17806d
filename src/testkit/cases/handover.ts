import assert from "node:assert/strict";
import { ALL } from "../../backend.ts";
import type { Case } from "../case.ts";

export const handover: readonly Case[] = [
  {
    name: "handover: a release pushes the grant, with its token, to the next one",
    async run(stage) {
      const [a, b, c] = await stage.joinMany(3);
      const held = await a!.take("r");
      const next = await b!.queue("r");
      await b!.queue("r");
      await c!.queue("r");
      await a!.release("r", held.leaseId);
      const { resource, grant } = await b!.hears("granted", next.leaseId);
      assert.equal(resource, "r");
      assert.ok(grant.token > held.token);
      assert.equal(grant.waiting, 1, "places of other processes behind it");
      const again = await b!.take("r", { leaseId: next.leaseId });
      assert.equal(again.token, grant.token, "asking tells the same as the push");
      assert.equal(again.expiresAt, grant.expiresAt);
    },
  },
  {
    name: "handover: a process is told of its own places, too",
    async run(stage) {
      const a = await stage.join();
      const held = await a.take("r");
      const next = await a.queue("r");
      await a.release("r", held.leaseId);
      const { grant } = await a.hears("granted", next.leaseId);
      assert.equal(grant.waiting, 0);
    },
  },
  {
    name: "handover: a writer's release lets in the readers up to the next writer",
    async run(stage) {
      const [a, b, c] = await stage.joinMany(3);
      const reader = { permits: 1, capacity: ALL };
      const writer = { permits: ALL, capacity: ALL };
      const held = await a!.take("r", writer);
      const first = await b!.queue("r", reader);
      const second = await c!.queue("r", reader);
      const next = await a!.queue("r", writer);
      const late = await b!.queue("r", reader);
      await a!.release("r", held.leaseId);
      const one = (await b!.hears("granted", first.leaseId)).grant;
      const two = (await c!.hears("granted", second.leaseId)).grant;
      assert.ok(one.token < two.token, "in order");
      assert.equal((await a!.ask("r", { ...writer, leaseId: next.leaseId })).kind, "waiting");
      assert.equal((await b!.ask("r", { ...reader, leaseId: late.leaseId })).kind, "waiting");
    },
  },
  {
    name: "handover: holders hear of the first place of another process behind them",
    async run(stage) {
      const [a, b, c] = await stage.joinMany(3);
      const some = { permits: 1, capacity: 2 };
      await a!.take("r", some);
      await b!.take("r", some);
      await c!.queue("r", some);
      await a!.hears("contended", "r");
      await b!.hears("contended", "r");
    },
  },
  {
    name: "handover: ends with the queue",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const held = await a!.take("r");
      const next = await b!.queue("r");
      await a!.release("r", held.leaseId);
      await b!.hears("granted", next.leaseId);
      await b!.release("r", next.leaseId);
      assert.deepEqual((await a!.backend.inspect("r")).places, []);
      assert.equal((await a!.take("r", { wait: false })).waiting, 0);
    },
  },
];
