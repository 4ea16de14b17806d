import assert from "node:assert/strict";
import type { Fence } from "../../backend.ts";
import type { Case } from "../case.ts";
import { SHORT_MS } from "../durations.ts";
import { drafted, type Participant } from "../participant.ts";

const fence = (token: number, resource = "lock", local = 0, shared = false): Fence => ({
  resource,
  token: BigInt(token) * 1_024n + BigInt(local),
  shared,
});

async function put(process: Participant, guard: Fence, key = "k"): Promise<string> {
  return (await process.write({ collection: "c", key, value: "1", fence: guard })).kind;
}

export const fencedWrites: readonly Case[] = [
  {
    of: "records",
    name: "fencing: the holder's writes are taken",
    async run(stage) {
      const a = await stage.join();
      const held = await a.take("lock");
      assert.equal(await put(a, fence(held.token)), "written");
      assert.equal(await put(a, fence(held.token)), "written");
      assert.equal(await put(a, fence(held.token), "other"), "written");
    },
  },
  {
    of: "records",
    name: "fencing: a write under a lower token than the record has seen is stale",
    async run(stage) {
      const a = await stage.join();
      const [older, newer] = [1_000, 2_000];
      assert.equal(await put(a, fence(newer, "elsewhere")), "written");
      const before = await a.backend.read("c", "k");
      const stale = await a.write({
        collection: "c",
        key: "k",
        value: "2",
        fence: fence(older, "elsewhere"),
      });
      assert.deepEqual(stale, { kind: "stale", index: 0 });
      assert.deepEqual(await a.backend.read("c", "k"), before);
      assert.equal(await put(a, fence(newer, "elsewhere")), "written", "the same token goes on");
      assert.equal(await put(a, fence(older, "another lock")), "written", "tokens compare per lock");
      assert.equal(await put(a, fence(older, "elsewhere")), "stale", "also after other writes");
      assert.equal(await put(a, fence(older, "elsewhere"), "fresh"), "written", "and per record");
    },
  },
  {
    of: "records",
    name: "fencing: hand-overs inside a process count, beyond what a double can tell apart",
    async run(stage) {
      const a = await stage.join();
      const token = 2 ** 52 + 1;
      assert.equal(await put(a, fence(token, "elsewhere", 6)), "written");
      assert.equal(await put(a, fence(token, "elsewhere", 5)), "stale");
      assert.equal(await put(a, fence(token, "elsewhere", 7)), "written");
      assert.equal(await put(a, fence(token, "elsewhere", 6)), "stale");
    },
  },
  {
    of: "records",
    name: "fencing: tokens of different length compare as numbers",
    async run(stage) {
      const a = await stage.join();
      assert.equal(await put(a, fence(9, "elsewhere")), "written");
      assert.equal(await put(a, fence(10, "elsewhere")), "written");
      assert.equal(await put(a, fence(9, "elsewhere")), "stale");
    },
  },
  {
    of: "records",
    name: "fencing: the highest token seen outlives the record",
    async run(stage) {
      const a = await stage.join();
      assert.equal(await put(a, fence(2_000, "elsewhere")), "written");
      await a.write({ collection: "c", key: "k", value: null });
      assert.equal(await put(a, fence(1_000, "elsewhere")), "stale");
      await a.write({ collection: "c", key: "k", value: "2" });
      assert.equal(await put(a, fence(1_000, "elsewhere")), "stale");
    },
  },
  {
    of: "records",
    name: "fencing: shared leases neither lift the record's token nor are held against it",
    async run(stage) {
      const a = await stage.join();
      assert.equal(await put(a, fence(2_000, "elsewhere", 0, true)), "written");
      assert.equal(await put(a, fence(1_500, "elsewhere")), "written");
      assert.equal(await put(a, fence(1_000, "elsewhere", 0, true)), "written");
      assert.equal(await put(a, fence(1_200, "elsewhere")), "stale");
    },
  },
  {
    of: "records",
    name: "fencing: staleness is told before a conflict, and a replay before both",
    async run(stage) {
      const a = await stage.join();
      const write = { collection: "c", key: "k", value: "1", fence: fence(1_000, "elsewhere") };
      const first = await a.write({ ...write, opId: "op" });
      assert.equal(first.kind, "written");
      assert.equal(await put(a, fence(2_000, "elsewhere"), "k2"), "written");
      const late = { ...write, key: "k2", ifRevision: null };
      assert.deepEqual(await a.write(late), { kind: "stale", index: 0 });
      assert.deepEqual(await a.write({ ...write, opId: "op", ifRevision: null }), first);
    },
  },
  {
    of: "records",
    name: "fencing: a stale write stops the others of its call",
    async run(stage) {
      const a = await stage.join();
      if (a.backend.guarantees.writes !== "any") return;
      assert.equal(await put(a, fence(2_000, "elsewhere")), "written");
      const outcome = await a.backend.write([
        drafted({ collection: "c", key: "x", value: "1" }),
        drafted({ collection: "c", key: "k", value: "1", fence: fence(1_000, "elsewhere") }),
      ]);
      assert.deepEqual(outcome, { kind: "stale", index: 1 });
      assert.equal(await a.backend.read("c", "x"), null);
    },
  },
  {
    of: "records",
    name: "fencing by grant: a later holder, even one that wrote nothing, makes the former stale",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      if (a!.backend.guarantees.fencing !== "grant") return;
      const held = await a!.take("lock", { ttlMs: SHORT_MS });
      await stage.pass(SHORT_MS + 50);
      assert.equal(await put(a!, fence(held.token)), "written", "expired, yet nobody came after");
      const next = await b!.take("lock");
      assert.equal(await put(a!, fence(held.token)), "stale");
      assert.equal(await put(a!, fence(held.token), "untouched"), "stale");
      await b!.release("lock", next.leaseId);
      assert.equal(await put(a!, fence(held.token)), "stale", "also when that one left");
    },
  },
  {
    of: "records",
    name: "fencing by grant: a hand-over makes the former stale at once",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      if (a!.backend.guarantees.fencing !== "grant") return;
      const held = await a!.take("lock");
      const next = await b!.queue("lock");
      await a!.release("lock", held.leaseId);
      assert.equal(await put(a!, fence(held.token)), "stale");
      const { grant } = await b!.hears("granted", next.leaseId);
      assert.equal(await put(b!, fence(grant.token)), "written");
    },
  },
  {
    of: "records",
    name: "fencing by grant: force-release and steal fence off at once",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      if (a!.backend.guarantees.fencing !== "grant") return;
      const first = await a!.take("lock");
      await b!.revoke("lock");
      assert.equal(await put(a!, fence(first.token)), "stale");
      assert.equal(await put(a!, fence(first.token, "lock", 3)), "stale");
      const second = await a!.take("lock");
      assert.equal(await put(a!, fence(second.token)), "written");
      await b!.take("lock", { steal: true });
      assert.equal(await put(a!, fence(second.token)), "stale");
    },
  },
  {
    of: "records",
    name: "fencing by grant: those who hold together do not fence each other off",
    async run(stage) {
      const a = await stage.join();
      if (a.backend.guarantees.fencing !== "grant") return;
      const some = { permits: 1, capacity: 2 };
      const first = await a.take("lock", some);
      const second = await a.take("lock", some);
      assert.equal(await put(a, fence(second.token, "lock", 0, true)), "written");
      assert.equal(await put(a, fence(first.token, "lock", 0, true)), "written");
      await a.revoke("lock", { leaseId: first.leaseId });
      assert.equal(await put(a, fence(first.token, "lock", 0, true)), "stale");
      assert.equal(await put(a, fence(second.token, "lock", 0, true)), "written");
    },
  },
  {
    of: "records",
    name: "fencing by grant: of those who hold together, the one whose lease ended is fenced off",
    async run(stage) {
      const a = await stage.join();
      if (a.backend.guarantees.fencing !== "grant") return;
      const some = { permits: 1, capacity: 2 };
      const first = await a.take("lock", { ...some, ttlMs: SHORT_MS });
      await a.take("lock", some);
      await stage.pass(SHORT_MS + 50);
      assert.equal(await put(a, fence(first.token, "lock", 0, true)), "stale");
    },
  },
];
