import assert from "node:assert/strict";
import type { PruneRequest } from "../../backend.ts";
import type { Case } from "../case.ts";
import { drafted, type Participant } from "../participant.ts";
import { historyOf, made, readFeed } from "../records.ts";
import type { Stage } from "../stage.ts";

const collection = "c";

const prune = (on: Participant, rest: Partial<PruneRequest> = {}): Promise<number> =>
  on.backend.prune({ collection, before: Number.MAX_SAFE_INTEGER, keep: 1, limit: 1_000, ...rest });

/** What a record's history is like, oldest first. */
const values = async (on: Participant, key: string): Promise<readonly (string | null)[]> =>
  (await historyOf(on, collection, key)).map(({ value }) => value).reverse();

async function write(on: Participant, key: string, all: readonly (string | null)[]): Promise<void> {
  for (const value of all) await made(on, { collection, key, value });
}

/** The store's time, with nothing written so far at or after it. */
async function laterTime(stage: Stage, on: Participant): Promise<number> {
  await stage.pass(10);
  return on.backend.time();
}

export const pruning: readonly Case[] = [
  {
    of: "records",
    name: "pruning: keeps so many versions of each record, and every head",
    async run(stage) {
      const a = await stage.join();
      await write(a, "x", ["1", "2", "3", "4", "5"]);
      await write(a, "y", ["1"]);
      await write(a, "z", ["1", null, "3", "4"]);
      await made(a, { collection: "other", key: "x", value: "1" });
      await made(a, { collection: "other", key: "x", value: "2" });
      assert.equal(await prune(a, { keep: 3 }), 3);
      assert.deepEqual(await values(a, "x"), ["3", "4", "5"]);
      assert.deepEqual(await values(a, "z"), [null, "3", "4"]);
      assert.equal(await prune(a, { keep: 3 }), 0);
      assert.equal(await prune(a), 4);
      for (const [key, head] of [["x", "5"], ["y", "1"], ["z", "4"]] as const) {
        assert.deepEqual(await values(a, key), [head]);
        assert.equal((await a.backend.read(collection, key))?.value, head);
      }
      assert.equal((await a.backend.history("other", "x", { limit: 9 })).length, 2);
    },
  },
  {
    of: "records",
    name: "pruning: keeps what is young, and goes in bounded steps",
    async run(stage) {
      const a = await stage.join();
      await write(a, "x", ["1", "2", "3"]);
      await write(a, "y", ["1", "2"]);
      const before = await laterTime(stage, a);
      await write(a, "x", ["4", "5"]);
      assert.equal(await prune(a, { before: 1 }), 0);
      let steps = 0;
      for (let left = 4; left > 0; steps += 1) {
        const went = await prune(a, { before, limit: 2 });
        assert.ok(went <= 2, "at most so many");
        assert.ok(went > 0, "as long as there are any");
        left -= went;
        await historyOf(a, collection, "x");
      }
      assert.ok(steps >= 2);
      assert.equal(await prune(a, { before, limit: 2 }), 0);
      assert.deepEqual(await values(a, "x"), ["4", "5"]);
      assert.deepEqual(await values(a, "y"), ["2"]);
    },
  },
  {
    of: "records",
    name: "pruning: a deletion goes once it is old, with all that is remembered of its record",
    async run(stage) {
      const a = await stage.join();
      const first = drafted({ collection, key: "x", value: "1" });
      await a.backend.write([first]);
      await write(a, "x", ["2", null]);
      await write(a, "y", ["1", null, "3"]);
      const before = await laterTime(stage, a);
      await write(a, "z", ["1", null]);
      assert.equal(await prune(a, { before, keep: 9 }), 3);
      assert.deepEqual(await values(a, "x"), []);
      assert.deepEqual(await values(a, "y"), ["1", null, "3"]);
      assert.deepEqual(await values(a, "z"), ["1", null]);
      assert.equal((await a.backend.write([first])).kind, "written");
      assert.deepEqual(await values(a, "x"), ["1"], "its id is new again");
    },
  },
  {
    of: "records",
    name: "pruning: an id is remembered as long as its version is",
    async run(stage) {
      const a = await stage.join();
      const [old, kept] = ["1", "2"].map((value) => drafted({ collection, key: "k", value }));
      await a.backend.write([old!]);
      const outcome = await a.backend.write([kept!]);
      await write(a, "k", ["3"]);
      await prune(a, { keep: 2 });
      assert.deepEqual(await a.backend.write([kept!]), outcome);
      assert.equal(await a.backend.version(collection, "k", old!.revision), null);
      assert.deepEqual(await a.backend.history(collection, "k", { after: old!.revision, limit: 9 }), []);
      assert.equal((await a.backend.write([{ ...old!, revision: "again" }])).kind, "written");
      assert.deepEqual(await values(a, "k"), ["2", "3", "1"]);
    },
  },
  {
    of: "records",
    name: "pruning: nothing goes that a reader has not seen",
    async run(stage) {
      const a = await stage.join();
      await write(a, "x", ["1", "2"]);
      await write(a, "y", ["1", null]);
      const upTo = await a.backend.feedEnd(collection);
      await write(a, "x", ["3", "4"]);
      await write(a, "z", ["1", null]);
      const { versions } = await readFeed(a, collection, upTo);
      const later = await a.backend.feedEnd(collection);
      assert.equal(await prune(a, { upTo: [later, upTo] }), 4);
      assert.equal(await prune(a, { upTo: [upTo, later] }), 0);
      assert.deepEqual(await values(a, "x"), ["3", "4"]);
      assert.deepEqual(await values(a, "y"), []);
      assert.deepEqual(await values(a, "z"), ["1", null]);
      assert.deepEqual((await readFeed(a, collection, upTo)).versions, versions);
    },
  },
  {
    of: "records",
    name: "pruning: a reader who saw all misses nothing that comes after the last version went",
    async run(stage) {
      const a = await stage.join();
      await write(a, "x", ["1", "2", null]);
      const seen = await a.backend.feedEnd(collection);
      assert.equal(await prune(a), 3);
      await write(a, "x", ["4"]);
      const { versions } = await readFeed(a, collection, seen);
      assert.deepEqual(
        versions.map(({ value }) => value),
        ["4"],
      );
    },
  },
  {
    of: "records",
    name: "pruning: a reader who missed what went is told to begin anew, never nothing",
    async run(stage) {
      const a = await stage.join();
      await write(a, "x", ["1"]);
      const early = await a.backend.feedEnd(collection);
      await write(a, "x", ["2"]);
      await write(a, "y", ["1", null]);
      const late = await a.backend.feedEnd(collection);
      await write(a, "z", ["1"]);
      await prune(a);
      for (const position of [null, early]) {
        const answer = await a.backend.changes(collection, position, 10);
        assert.equal(answer.kind, "reset");
        assert.deepEqual((await readFeed(a, collection, answer.position)).versions, []);
        await write(a, "z", ["2"]);
        const { versions } = await readFeed(a, collection, answer.position);
        assert.deepEqual(versions.map(({ value }) => value), ["2"]);
      }
      const { versions } = await readFeed(a, collection, late);
      assert.deepEqual(versions.map(({ key, value }) => [key, value]), [["z", "1"], ["z", "2"], ["z", "2"]]);
      await write(a, "z", [null]);
      await prune(a);
      const end = await a.backend.feedEnd(collection);
      const rest = await readFeed(a, collection, end);
      assert.deepEqual(rest.versions, [], "the end is no gap, also if it went");
    },
  },
];
