import assert from "node:assert/strict";
import type { Case } from "../case.ts";

export const steal: readonly Case[] = [
  {
    name: "steal: takes from every holder, at once, ahead of all who wait",
    async run(stage) {
      const [a, b, c] = await stage.joinMany(3);
      const some = { permits: 1, capacity: 2 };
      const first = await a!.take("r", some);
      const second = await b!.take("r", some);
      const waiting = await b!.queue("r", some);
      const also = await a!.queue("r", { ...some, permits: 2 });
      const stolen = await c!.take("r", { ...some, steal: true });
      assert.equal((await a!.hears("revoked", first.leaseId)).reason, "stolen");
      assert.equal((await b!.hears("revoked", second.leaseId)).reason, "stolen");
      assert.equal((await a!.renew("r", first.leaseId)).kind, "gone");
      assert.equal((await b!.ask("r", { ...some, leaseId: second.leaseId })).kind, "gone");
      assert.equal(await a!.release("r", first.leaseId), "gone");
      assert.ok(stolen.token > Math.max(first.token, second.token));
      const places = (await c!.backend.inspect("r")).places.map(({ leaseId }) => leaseId);
      assert.deepEqual(places, [stolen.leaseId, waiting.leaseId, also.leaseId]);
      const { grant } = await b!.hears("granted", waiting.leaseId);
      assert.ok(grant.token > stolen.token, "what is left goes to those who waited");
    },
  },
  {
    name: "steal: of what is free is a plain grant",
    async run(stage) {
      const a = await stage.join();
      await a.take("r", { steal: true });
    },
  },
  {
    name: "steal: repeated, steals once",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      await a!.take("r");
      const stolen = await b!.take("r", { steal: true });
      const again = await b!.take("r", { steal: true, leaseId: stolen.leaseId });
      assert.equal(again.token, stolen.token);
      assert.equal((await b!.renew("r", stolen.leaseId)).kind, "renewed");
    },
  },
];
