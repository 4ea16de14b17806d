import assert from "node:assert/strict";
import { ALL } from "../../backend.ts";
import type { Case } from "../case.ts";

export const exclusion: readonly Case[] = [
  {
    name: "exclusion: of many that ask at once, one holds",
    async run(stage) {
      const all = await stage.joinMany(4);
      const answers = await Promise.all(
        all.flatMap((each) => [each.ask("r", { wait: false }), each.ask("r", { wait: false })]),
      );
      const kinds = answers.map(({ kind }) => kind).sort();
      assert.deepEqual(kinds, [...Array<string>(7).fill("busy"), "granted"]);
    },
  },
  {
    name: "exclusion: resources do not touch each other",
    async run(stage) {
      const a = await stage.join();
      const first = await a.take("r");
      await a.take("r2");
      await a.take("R");
      await a.release("r", first.leaseId);
      assert.equal((await a.ask("r2", { wait: false })).kind, "busy");
    },
  },
  {
    name: "exclusion: readers share, a writer excludes",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const reader = { permits: 1, capacity: ALL };
      const writer = { permits: ALL, capacity: ALL, wait: false };
      const first = await a!.take("r", reader);
      const second = await b!.take("r", reader);
      assert.equal((await b!.ask("r", writer)).kind, "busy");
      await a!.release("r", first.leaseId);
      assert.equal((await a!.ask("r", writer)).kind, "busy");
      await b!.release("r", second.leaseId);
      await a!.take("r", writer);
      assert.equal((await b!.ask("r", { ...reader, wait: false })).kind, "busy");
    },
  },
  {
    name: "exclusion: of many that hand a mutex on, never two hold it",
    async run(stage) {
      const all = await stage.joinMany(4);
      let holders = 0;
      let turns = 0;
      await Promise.all(
        all.map(async (each) => {
          for (let round = 0; round < 5; round += 1) {
            const answer = await each.ask("r");
            if (answer.kind === "waiting") await each.hears("granted", answer.leaseId);
            holders += 1;
            assert.equal(holders, 1, "holders at one time");
            assert.equal((await each.renew("r", answer.leaseId)).kind, "renewed");
            holders -= 1;
            turns += 1;
            await each.release("r", answer.leaseId);
          }
        }),
      );
      assert.equal(turns, 20);
    },
  },
  {
    name: "exclusion: two namespaces never meet",
    async run(stage) {
      const base = stage.namespace;
      const pairs = [
        { namespace: `${base}:x`, resource: "y:z" },
        { namespace: `${base}:x:y`, resource: "z" },
        { namespace: `${base}\u0000x`, resource: "y\u0000z" },
        { namespace: `${base}\u0000x\u0000y`, resource: "z" },
        { namespace: `${base}/x}`, resource: "y" },
        { namespace: `${base}/x`, resource: "}y" },
      ];
      for (const { namespace, resource } of pairs) {
        const process = await stage.join({ namespace });
        await process.take(resource);
        const held = await process.backend.list({ limit: 10 });
        assert.deepEqual(held.map((each) => each.resource), [resource]);
        // A store of locks alone has no records to tell apart.
        if (process.backend.write === undefined) continue;
        await process.write({ collection: "c", key: resource, value: "1", ifRevision: null });
        const records = await process.backend.scan("c", { limit: 10 });
        assert.deepEqual(records.map(({ key }) => key), [resource]);
      }
    },
  },
];
