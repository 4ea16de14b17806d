import assert from "node:assert/strict";
import type { Case } from "../case.ts";

export const sessions: readonly Case[] = [
  {
    name: "sessions: the guarantees are fixed facts, told before opening",
    async run(stage) {
      const backend = await stage.environment.backend();
      const { clock, leases, fencing, writes, feed, failover } = backend.guarantees;
      assert.ok(Object.isFrozen(backend.guarantees));
      assert.ok(["server", "host"].includes(clock));
      assert.ok(["durable", "volatile"].includes(leases));
      assert.ok(["grant", "write"].includes(fencing));
      assert.ok(["any", "partition"].includes(writes));
      assert.ok(["total", "partition"].includes(feed));
      assert.ok(failover.trim().length > 10, "a sentence on failover");
      assert.ok(backend.name.length > 0);
      await backend.close();
    },
  },
  {
    name: "sessions: several may open a new store at once",
    async run(stage) {
      const all = await Promise.all(Array.from({ length: 5 }, () => stage.join()));
      await all[0]!.take("r");
      for (const each of all) assert.equal((await each.ask("r", { wait: false })).kind, "busy");
    },
  },
  {
    name: "sessions: closing releases nothing, and may be repeated",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      await a!.take("r");
      await a!.backend.close();
      await a!.backend.close();
      assert.equal((await b!.ask("r", { wait: false })).kind, "busy");
    },
  },
  {
    name: "sessions: each hears what concerns its own places",
    async run(stage) {
      const [a, b, c] = await stage.joinMany(3);
      const held = await a!.take("r");
      const next = await b!.queue("r");
      await c!.queue("r");
      await a!.release("r", held.leaseId);
      await b!.hears("granted", next.leaseId);
      for (const process of [a!, c!]) {
        assert.deepEqual(process.heard.filter(({ kind }) => kind === "granted"), []);
      }
    },
  },
  {
    name: "sessions: what is diagnosed tells what to do",
    async run(stage) {
      const a = await stage.join();
      for (const { level, subject, detail, remedy } of (await a.backend.diagnose?.()) ?? []) {
        assert.ok(["ok", "warning", "danger"].includes(level));
        assert.ok(subject.length > 0 && detail.length > 0);
        if (level !== "ok") assert.ok(remedy !== undefined && remedy.length > 0, subject);
      }
    },
  },
];
