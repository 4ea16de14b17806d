import assert from "node:assert/strict";
import type { Case } from "../case.ts";
import { LONG_MS, SHORT_MS } from "../durations.ts";

/** Reply times and deadlines come from one clock, but a step may look at it more than once. */
const CLOCK_SLACK_MS = 20;

export const expiry: readonly Case[] = [
  {
    name: "expiry: a grant lasts its time by the store's clock",
    async run(stage) {
      const a = await stage.join();
      const held = await a.take("r", { ttlMs: 7_000 });
      const off = held.expiresAt - (held.now + 7_000);
      assert.ok(Math.abs(off) <= CLOCK_SLACK_MS, `ends ${off} ms off`);
    },
  },
  {
    name: "expiry: the next one gets it at the deadline, neither earlier nor later",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const held = await a!.take("r", { ttlMs: SHORT_MS });
      const next = await b!.queue("r");
      const granted = await stage.until("the next one's grant", SHORT_MS * 8, async () => {
        const answer = await b!.ask("r", { leaseId: next.leaseId });
        if (answer.kind === "granted") return answer;
        const late = answer.now - held.expiresAt;
        assert.ok(late <= CLOCK_SLACK_MS, `still waiting ${late} ms after the deadline`);
        return undefined;
      });
      const early = held.expiresAt - granted.now;
      assert.ok(early <= 0, `granted ${early} ms before the deadline`);
      assert.ok(granted.token > held.token);
    },
  },
  {
    name: "expiry: a grant that ended is gone for its process, and for onlookers",
    async run(stage) {
      const a = await stage.join();
      const held = await a.take("r", { ttlMs: SHORT_MS });
      await stage.until("its end", SHORT_MS * 8, async () => {
        const { now, places, capacity } = await a.backend.inspect("r");
        assert.equal(places.length === 0, now >= held.expiresAt, `${held.expiresAt - now} ms left`);
        assert.equal(capacity === null, places.length === 0);
        return places.length === 0 || undefined;
      });
      assert.deepEqual(await a.backend.list({ limit: 10 }), []);
      assert.equal((await a.renew("r", held.leaseId)).kind, "gone");
      assert.equal((await a.ask("r", { leaseId: held.leaseId })).kind, "gone");
      assert.equal(await a.release("r", held.leaseId), "gone");
    },
  },
  {
    name: "expiry: a waiter that its process forgets is dropped after its patience",
    async run(stage) {
      const [a, c] = await stage.joinMany(2);
      const b = await stage.join({ patienceMs: SHORT_MS });
      const held = await a!.take("r");
      const dead = await b.queue("r");
      const next = await c!.queue("r");
      await stage.pass(SHORT_MS + 50);
      await a!.release("r", held.leaseId);
      await c!.hears("granted", next.leaseId);
      assert.equal((await b.ask("r", { leaseId: dead.leaseId })).kind, "gone");
    },
  },
  {
    name: "expiry: asking again renews the patience",
    async run(stage) {
      const a = await stage.join();
      const b = await stage.join({ patienceMs: SHORT_MS });
      const held = await a.take("r");
      const waiting = await b.queue("r");
      for (let asked = 0; asked < 8; asked += 1) {
        await stage.pass(SHORT_MS / 5);
        const answer = await b.ask("r", { leaseId: waiting.leaseId });
        assert.equal(answer.kind, "waiting");
      }
      await a.release("r", held.leaseId);
      assert.equal((await b.renew("r", waiting.leaseId)).kind, "renewed");
    },
  },
  {
    name: "expiry: whatever step comes next hands over to a waiter",
    async run(stage) {
      const [a, b, c] = await stage.joinMany(3);
      await a!.take("r", { ttlMs: SHORT_MS });
      const next = await b!.queue("r");
      await stage.pass(SHORT_MS + 50);
      assert.equal((await c!.renew("r", c!.leaseId())).kind, "gone");
      const { grant } = await b!.hears("granted", next.leaseId);
      assert.equal((await b!.renew("r", next.leaseId, LONG_MS)).kind, "renewed");
      assert.equal((await b!.backend.inspect("r")).places[0]?.token, grant.token);
    },
  },
];
