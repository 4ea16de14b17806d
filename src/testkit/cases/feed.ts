import assert from "node:assert/strict";
import type { FeedPosition, Step, StoredVersion } from "../../backend.ts";
import type { Case } from "../case.ts";
import { drafted } from "../participant.ts";
import { settle } from "../settle.ts";
import { historyOf, inFeedOrder, made, pageOf, readFeed } from "../records.ts";

const collection = "c";

export const feed: readonly Case[] = [
  {
    of: "records",
    name: "feed: shows every version once, in order of commit, as history has it",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const revisions: [string, string][] = [];
      for (let at = 0; at < 12; at += 1) {
        const key = `k${at % 3}`;
        const value = at % 5 === 4 ? null : `${at}`;
        revisions.push([key, await made(a!, { collection, key, value, messages: `[${at}]` })]);
      }
      await made(a!, { collection: "other", key: "k0", value: "0" });
      await a!.write({ collection, key: "none", value: null });
      await a!.write({ collection, key: "k0", value: "0", ifRevision: "wrong" });
      const expected = inFeedOrder(
        a!,
        revisions.map(([key, revision]) => ({ key, revision }) as StoredVersion),
      );
      for (const limit of [1, 5, 1_000]) {
        const { versions } = await readFeed(b!, collection, null, limit);
        assert.deepEqual(inFeedOrder(a!, versions), expected, `by ${limit}`);
        for (const version of versions) {
          assert.deepEqual(await a!.backend.version(collection, version.key, version.revision), version);
        }
      }
    },
  },
  {
    of: "records",
    name: "feed: goes on from a position, which is flat, and which an empty page keeps",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const start = await readFeed(b!, collection, null);
      assert.deepEqual(start.versions, []);
      const steps = ["1", "2", "3"].map((value) => drafted<Step>({ value }));
      const [one, two, three] = steps as [Step, Step, Step];
      await a!.write({ collection, key: "k", ...three, ifRevision: null, earlier: [one, two] });
      const read = await readFeed(b!, collection, start.position, 2);
      assert.deepEqual(
        read.versions.map(({ value }) => value),
        ["1", "2", "3"],
      );
      for (const text of Object.values(read.position)) assert.equal(typeof text, "string");
      const stored = JSON.parse(JSON.stringify(read.position)) as FeedPosition;
      const empty = await pageOf(b!, collection, stored);
      assert.deepEqual(empty, { kind: "page", versions: [], position: stored, more: false });
      await made(a!, { collection, key: "k2", value: "4" });
      const next = await pageOf(b!, collection, stored);
      assert.deepEqual(
        next.versions.map(({ value }) => value),
        ["4"],
      );
    },
  },
  {
    of: "records",
    name: "feed: its end comes after all that was committed, and before all that will be",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const atFirst = await b!.backend.feedEnd(collection);
      for (let at = 0; at < 5; at += 1) await made(a!, { collection, key: `k${at}`, value: "1" });
      assert.equal((await readFeed(b!, collection, atFirst)).versions.length, 5);
      const end = await b!.backend.feedEnd(collection);
      assert.deepEqual((await readFeed(b!, collection, end)).versions, []);
      await made(a!, { collection, key: "k", value: "2" });
      assert.equal((await readFeed(b!, collection, end)).versions.length, 1);
    },
  },
  {
    of: "records",
    name: "feed: skips nothing and shows nothing twice, read while many write",
    async run(stage) {
      const [reader, ...writers] = await stage.joinMany(5);
      const keys = ["a", "b", "c"];
      let writing = true;
      const write = async (writer: (typeof writers)[number], name: number): Promise<void> => {
        for (let n = 0; n < 15; n += 1) {
          const several = reader!.backend.guarantees.writes === "any" && n % 5 === 0;
          const chosen = several ? keys : [keys[(n + name) % 3]!];
          const drafts = chosen.map((key) => drafted({ collection, key, value: `${n}` }));
          assert.equal((await writer.backend.write(drafts)).kind, "written");
        }
      };
      const done = Promise.all(writers.map(write)).finally(() => (writing = false));
      done.catch(() => undefined); // awaited below, unless something else fails first
      const seen: StoredVersion[] = [];
      let position: FeedPosition | null = null;
      for (let last = false; !last;) {
        last = !writing;
        const read = await readFeed(reader!, collection, position, 4);
        seen.push(...read.versions);
        position = read.position;
        await stage.pass(1);
      }
      await done;
      for (const key of keys) {
        const shown = seen.filter((version) => version.key === key).map(({ revision }) => revision);
        const versions = await historyOf(reader!, collection, key);
        assert.deepEqual(
          shown,
          versions.map(({ revision }) => revision).reverse(),
          `all of "${key}", in order`,
        );
      }
    },
  },
  {
    of: "records",
    name: "feed: after a position from before the store lost something, nothing new is skipped",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const elsewhere = await stage.join({ namespace: `${stage.namespace}2` });
      for (let at = 0; at < 5; at += 1) await made(elsewhere, { collection, key: "k", value: "1" });
      const beyond = await elsewhere.backend.feedEnd(collection);
      await made(a!, { collection, key: "k", value: "1" });
      const answer = await b!.backend.changes(collection, beyond, 10);
      await made(a!, { collection, key: "k", value: "2" });
      const { versions } = await readFeed(b!, collection, answer.position);
      assert.deepEqual(
        versions.map(({ value }) => value),
        ["2"],
      );
    },
  },
  {
    of: "records",
    name: "feed: whoever watches hears of changes, until it stops",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      if (b!.backend.watch === undefined) return;
      let heard = 0;
      const stop = b!.backend.watch(collection, () => (heard += 1));
      await made(a!, { collection, key: "k", value: "1" });
      await settle("to hear of a change", () => (heard > 0 ? true : undefined));
      const before = heard;
      await made(a!, { collection, key: "k", value: null });
      await settle("to hear of a deletion", () => (heard > before ? true : undefined));
      stop();
      stop();
    },
  },
];
