import assert from "node:assert/strict";
import { ALL } from "../../backend.ts";
import type { Case } from "../case.ts";

export const weights: readonly Case[] = [
  {
    name: "weights: permits are granted up to the capacity, and not beyond",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const some = (permits: number): object => ({ permits, capacity: 5, wait: false });
      await a!.take("r", some(2));
      await b!.take("r", some(1));
      assert.equal((await b!.ask("r", some(3))).kind, "busy");
      await b!.take("r", some(2));
      assert.equal((await a!.ask("r", some(1))).kind, "busy");
    },
  },
  {
    name: "weights: a release lets in as many as fit, in order, and no more",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const some = (permits: number): object => ({ permits, capacity: 4 });
      const first = await a!.take("r", some(3));
      await a!.take("r", some(1));
      const in1 = await b!.queue("r", some(1));
      const in2 = await a!.queue("r", some(1));
      const out = await b!.queue("r", some(2));
      const behind = await b!.queue("r", some(1));
      await a!.release("r", first.leaseId);
      assert.equal((await b!.renew("r", in1.leaseId)).kind, "renewed");
      assert.equal((await a!.renew("r", in2.leaseId)).kind, "renewed");
      assert.equal((await b!.ask("r", { ...some(2), leaseId: out.leaseId })).kind, "waiting");
      assert.equal((await b!.ask("r", { ...some(1), leaseId: behind.leaseId })).kind, "waiting");
    },
  },
  {
    name: "weights: a writer waits for every reader",
    async run(stage) {
      const [a, b, c] = await stage.joinMany(3);
      const first = await a!.take("r", { capacity: ALL });
      const second = await b!.take("r", { capacity: ALL });
      const writer = await c!.queue("r", { permits: ALL, capacity: ALL });
      await b!.release("r", second.leaseId);
      assert.equal((await c!.renew("r", writer.leaseId)).kind, "gone", "one reader is left");
      await a!.release("r", first.leaseId);
      assert.equal((await c!.renew("r", writer.leaseId)).kind, "renewed");
    },
  },
  {
    name: "weights: a waiter that gives up lets those behind it through",
    async run(stage) {
      const [a, b, c] = await stage.joinMany(3);
      await a!.take("r", { permits: 2, capacity: 3 });
      const wide = await b!.queue("r", { permits: 3, capacity: 3 });
      const narrow = await c!.queue("r", { permits: 1, capacity: 3 });
      assert.equal(await b!.release("r", wide.leaseId), "released");
      await c!.hears("granted", narrow.leaseId);
      assert.equal((await c!.renew("r", narrow.leaseId)).kind, "renewed");
    },
  },
];
