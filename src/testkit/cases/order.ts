import assert from "node:assert/strict";
import { ALL } from "../../backend.ts";
import type { Case } from "../case.ts";

export const order: readonly Case[] = [
  {
    name: "order: waiters are granted in the order they came",
    async run(stage) {
      const all = await stage.joinMany(5);
      const asked = [];
      for (const process of all) asked.push({ process, ...(await process.ask("r")) });
      let last = 0;
      for (const { process, leaseId } of asked) {
        const renewal = await process.renew("r", leaseId);
        assert.equal(renewal.kind, "renewed", "the next in order holds");
        const places = (await process.backend.inspect("r")).places;
        assert.equal(places[0]?.leaseId, leaseId);
        assert.deepEqual(places.slice(1).filter(({ token }) => token !== null), []);
        const token = places[0]?.token ?? 0;
        assert.ok(token > last, "tokens follow the order");
        last = token;
        await process.release("r", leaseId);
      }
    },
  },
  {
    name: "order: a newcomer that would fit does not overtake a waiter that does not",
    async run(stage) {
      const [a, b, c] = await stage.joinMany(3);
      await a!.take("r", { permits: 2, capacity: 3 });
      await b!.queue("r", { permits: 2, capacity: 3 });
      const busy = await c!.ask("r", { permits: 1, capacity: 3, wait: false });
      assert.equal(busy.kind, "busy");
      const waiting = await c!.queue("r", { permits: 1, capacity: 3 });
      assert.equal(waiting.ahead, 2);
    },
  },
  {
    name: "order: a reader that comes after a waiting writer waits behind it",
    async run(stage) {
      const [a, b, c] = await stage.joinMany(3);
      const first = await a!.take("r", { capacity: ALL });
      const writer = await b!.queue("r", { permits: ALL, capacity: ALL });
      const late = await c!.queue("r", { capacity: ALL });
      await a!.release("r", first.leaseId);
      await b!.hears("granted", writer.leaseId);
      assert.equal((await c!.renew("r", late.leaseId)).kind, "gone", "still waiting");
      await b!.release("r", writer.leaseId);
      await c!.hears("granted", late.leaseId);
    },
  },
  {
    name: "order: asking again keeps the place, and tells how many are ahead",
    async run(stage) {
      const [a, b, c] = await stage.joinMany(3);
      const first = await a!.take("r");
      const second = await b!.queue("r");
      const third = await c!.queue("r");
      assert.equal(second.ahead, 1);
      assert.equal(third.ahead, 2);
      assert.equal((await b!.queue("r", { leaseId: second.leaseId })).ahead, 1);
      await a!.release("r", first.leaseId);
      assert.equal((await c!.queue("r", { leaseId: third.leaseId })).ahead, 1);
      assert.equal((await b!.ask("r", { leaseId: second.leaseId })).kind, "granted");
    },
  },
  {
    name: "order: whoever waits is told when asking again may bring news",
    async run(stage) {
      const [a, b, c] = await stage.joinMany(3);
      const first = await a!.take("r", { ttlMs: 20_000 });
      const second = await b!.queue("r");
      assert.equal(second.lookAt, first.expiresAt);
      assert.equal((await c!.queue("r")).lookAt, first.expiresAt, "the earliest of all ahead");
    },
  },
];
