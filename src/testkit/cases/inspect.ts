import assert from "node:assert/strict";
import type { Case } from "../case.ts";
import { SHORT_MS } from "../durations.ts";

export const inspect: readonly Case[] = [
  {
    name: "inspect: shows holders and waiters in order, with all there is to know",
    async run(stage) {
      const owner = { host: "h1", pid: 7, label: "import", metadata: { job: "17", "": "{}" } };
      const a = await stage.join({ owner });
      const b = await stage.join({ owner: { host: "h2", pid: 8 }, patienceMs: 9_000 });
      const held = await a.take("r", { permits: 2, capacity: 3 });
      const waiting = await b.queue("r", { permits: 3, capacity: 3 });
      const { resource, now, capacity, places, revocations } = await b.backend.inspect("r");
      assert.equal(resource, "r");
      assert.equal(capacity, 3);
      assert.deepEqual(revocations, []);
      const [first, second, ...rest] = places;
      assert.deepEqual(rest, []);
      assert.ok(first !== undefined && second !== undefined);
      assert.deepEqual(
        { ...first, since: 0 },
        {
          leaseId: held.leaseId,
          owner,
          permits: 2,
          token: held.token,
          since: 0,
          expiresAt: held.expiresAt,
        },
      );
      assert.equal(second.leaseId, waiting.leaseId);
      assert.deepEqual(second.owner, { host: "h2", pid: 8 });
      assert.equal(second.permits, 3);
      assert.equal(second.token, null);
      for (const { since } of [first, second]) assert.ok(since <= now && since > now - 10_000);
      assert.ok(Math.abs(second.expiresAt - second.since - 9_000) <= 20, "its patience");
    },
  },
  {
    name: "inspect: of what nobody uses shows nothing",
    async run(stage) {
      const a = await stage.join();
      const { resource, capacity, places, revocations } = await a.backend.inspect("never");
      assert.deepEqual({ resource, capacity, places, revocations }, {
        resource: "never",
        capacity: null,
        places: [],
        revocations: [],
      });
      const held = await a.take("r");
      await a.release("r", held.leaseId);
      assert.equal((await a.backend.inspect("r")).capacity, null);
    },
  },
  {
    name: "inspect: changes nothing",
    async run(stage) {
      const a = await stage.join();
      const b = await stage.join({ patienceMs: 20 * SHORT_MS });
      await a.take("r", { ttlMs: SHORT_MS });
      const waiting = await b.queue("r");
      const before = (await a.backend.inspect("r")).places;
      assert.equal(before.length, 2);
      await stage.pass(SHORT_MS + 50);
      for (let looked = 0; looked < 2; looked += 1) {
        const { places } = await a.backend.inspect("r");
        assert.deepEqual(places, before.slice(1), "the holder ended; looking hands nothing over");
      }
      assert.equal((await b.ask("r", { leaseId: waiting.leaseId })).kind, "granted");
    },
  },
  {
    name: "inspect: time() is the store's clock",
    async run(stage) {
      const a = await stage.join();
      const before = await a.backend.time();
      const { now } = await a.take("r");
      const after = await a.backend.time();
      assert.ok(before - 1 <= now && now <= after + 1, `${before} <= ${now} <= ${after}`);
    },
  },
];
