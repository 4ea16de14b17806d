import assert from "node:assert/strict";
import { REVOCATIONS_MAX } from "../../backend.ts";
import type { Case } from "../case.ts";

export const forceRelease: readonly Case[] = [
  {
    name: "force-release: ends every holder, tells them, keeps those who wait and hands over",
    async run(stage) {
      const [a, b, c] = await stage.joinMany(3);
      const some = { permits: 1, capacity: 2 };
      const first = await a!.take("r", some);
      const second = await b!.take("r", some);
      const next = await c!.queue("r", { ...some, permits: 2 });
      const behind = await a!.queue("r", some);
      const revoked = await b!.revoke("r");
      assert.deepEqual(
        revoked.map(({ leaseId, token }) => [leaseId, token]),
        [
          [first.leaseId, first.token],
          [second.leaseId, second.token],
        ],
      );
      assert.equal((await a!.hears("revoked", first.leaseId)).reason, "revoked");
      assert.equal((await b!.hears("revoked", second.leaseId)).reason, "revoked");
      for (const [process, { leaseId }] of [[a!, first], [b!, second]] as const) {
        assert.equal((await process.renew("r", leaseId)).kind, "gone");
        assert.equal((await process.ask("r", { ...some, leaseId })).kind, "gone");
        assert.equal(await process.release("r", leaseId), "gone");
      }
      const { grant } = await c!.hears("granted", next.leaseId);
      assert.ok(grant.token > second.token);
      const places = (await c!.backend.inspect("r")).places.map(({ leaseId }) => leaseId);
      assert.deepEqual(places, [next.leaseId, behind.leaseId]);
    },
  },
  {
    name: "force-release: of one lease leaves the others alone",
    async run(stage) {
      const a = await stage.join();
      const some = { permits: 1, capacity: 3 };
      const first = await a.take("r", some);
      const second = await a.take("r", some);
      const [gone, ...rest] = await a.revoke("r", { leaseId: first.leaseId });
      assert.equal(gone?.leaseId, first.leaseId);
      assert.deepEqual(rest, []);
      assert.equal((await a.renew("r", second.leaseId)).kind, "renewed");
      assert.deepEqual(await a.revoke("r", { leaseId: first.leaseId }), [], "repeated");
    },
  },
  {
    name: "force-release: of what waits, or of nothing, revokes nothing and leaves no trace",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const held = await a!.take("r");
      const waiting = await b!.queue("r");
      assert.deepEqual(await a!.revoke("r", { leaseId: waiting.leaseId }), []);
      assert.deepEqual(await a!.revoke("free"), []);
      assert.deepEqual((await a!.backend.inspect("r")).revocations, []);
      await a!.release("r", held.leaseId);
      assert.equal((await b!.renew("r", waiting.leaseId)).kind, "renewed");
    },
  },
  {
    name: "force-release: is written down with reason, time, person and tokens",
    async run(stage) {
      const a = await stage.join();
      const by = { host: "ops", pid: 1, label: "ann", metadata: { ticket: "T'1\"" } };
      const held = await a.take("r");
      await a.revoke("r", { by, reason: "stuck job 17; 'quoted'\n" });
      const { now, revocations } = await a.backend.inspect("r");
      assert.equal(revocations.length, 1, "kept while the resource is idle");
      const [entry] = revocations;
      assert.ok(entry !== undefined && entry.at <= now && entry.at > now - 10_000);
      assert.deepEqual(
        { ...entry, at: 0 },
        { at: 0, reason: "stuck job 17; 'quoted'\n", by, tokens: [held.token] },
      );
    },
  },
  {
    name: "force-release: the trail keeps the latest, oldest first",
    async run(stage) {
      const a = await stage.join();
      for (let count = 0; count < REVOCATIONS_MAX + 2; count += 1) {
        await a.take("r");
        await a.revoke("r", { reason: `r${count}` });
      }
      const { revocations } = await a.backend.inspect("r");
      const expected = Array.from({ length: REVOCATIONS_MAX }, (_, at) => `r${at + 2}`);
      assert.deepEqual(revocations.map(({ reason }) => reason), expected);
    },
  },
];
