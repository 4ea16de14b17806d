import assert from "node:assert/strict";
import type { Case } from "../case.ts";
import { drafted, type Draft } from "../participant.ts";
import { historyOf, made } from "../records.ts";
import type { Step } from "../../backend.ts";

const collection = "c";

export const history: readonly Case[] = [
  {
    of: "records",
    name: "history: every write is a version that follows the one before, newest first",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const first = {
        collection,
        key: "k",
        value: "1",
        author: "ann",
        reason: "é\u0000",
        messages: '[{"to":"é"}]',
      };
      const drafts: Draft[] = [
        first,
        { collection, key: "k", value: null, reason: "" },
        { collection, key: "k", value: "3", ifRevision: null, merges: ["elsewhere", "and there"] },
        { collection, key: "k", value: "3", author: "bob" },
      ];
      const writes = drafts.map((draft) => drafted(draft));
      const before = await a!.backend.time();
      for (const write of writes) assert.equal((await a!.backend.write([write])).kind, "written");
      const after = await a!.backend.time();
      const versions = await b!.backend.history(collection, "k", { limit: 10 });
      const expected = writes.map((write, at) => ({
        key: "k",
        at: 0,
        value: write.value,
        revision: write.revision,
        parents: [
          ...writes
            .slice(0, at)
            .slice(-1)
            .map(({ revision }) => revision),
          ...(write.merges ?? []),
        ],
        author: write.author ?? null,
        reason: write.reason ?? null,
        opId: write.opId,
        messages: write.messages ?? null,
      }));
      assert.deepEqual(
        versions.map((version) => ({ ...version, at: 0 })),
        expected.reverse(),
      );
      const times = versions.map(({ at }) => at).reverse();
      assert.deepEqual(
        times,
        [...times].sort((x, y) => x - y),
      );
      assert.ok(times[0]! >= before - 1 && times.at(-1)! <= after + 1);
      const head = await b!.backend.read(collection, "k");
      assert.deepEqual([head?.revision, head?.updatedAt], [versions[0]?.revision, versions[0]?.at]);
    },
  },
  {
    of: "records",
    name: "history: goes on after a version, and each can be had by its revision",
    async run(stage) {
      const a = await stage.join();
      const revisions: string[] = [];
      for (let at = 0; at < 7; at += 1)
        revisions.unshift(await made(a, { collection, key: "k", value: `${at}` }));
      await made(a, { collection, key: "kk", value: "0" });
      const paged: string[] = [];
      for (;;) {
        const after = paged.at(-1);
        const page = await a.backend.history(collection, "k", {
          limit: 3,
          ...(after === undefined ? {} : { after }),
        });
        assert.ok(page.length <= 3);
        if (page.length === 0) break;
        for (const version of page) {
          assert.deepEqual(await a.backend.version(collection, "k", version.revision), version);
          assert.equal(await a.backend.version(collection, "kk", version.revision), null);
          assert.equal(await a.backend.version("other", "k", version.revision), null);
          paged.push(version.revision);
        }
      }
      assert.deepEqual(paged, revisions);
      assert.deepEqual(await a.backend.history(collection, "k", { after: "never was", limit: 3 }), []);
      assert.deepEqual(await a.backend.history(collection, "none", { limit: 3 }), []);
      assert.equal(await a.backend.version(collection, "k", "never was"), null);
    },
  },
  {
    of: "records",
    name: "history: what was refused, or deleted nothing, is no version",
    async run(stage) {
      const a = await stage.join();
      await a.write({ collection, key: "k", value: null });
      assert.deepEqual(await historyOf(a, collection, "k"), []);
      const first = await made(a, { collection, key: "k", value: "1" });
      await a.write({ collection, key: "k", value: "2", ifRevision: null });
      const last = await made(a, { collection, key: "k", value: null });
      await a.write({ collection, key: "k", value: null });
      assert.deepEqual(
        (await historyOf(a, collection, "k")).map(({ revision }) => revision),
        [last, first],
      );
    },
  },
  {
    of: "records",
    name: "history: combined steps of one write make a version each, in their order",
    async run(stage) {
      const a = await stage.join();
      const step = (value: string | null, author: string): Step => drafted<Step>({ value, author });
      const create = [step("1", "ann"), step("2", "bob"), step(null, "eve")];
      const outcome = await a.write({
        collection,
        key: "k",
        ifRevision: null,
        earlier: create,
        ...step("4", "joe"),
      });
      const head = await a.backend.read(collection, "k");
      assert.deepEqual(outcome, { kind: "written", records: [head] });
      assert.equal(head?.value, "4");
      const refused = await a.write({
        collection,
        key: "k",
        ifRevision: create[0]!.revision,
        earlier: [step("5", "ann")],
        ...step("6", "bob"),
      });
      assert.deepEqual(refused, { kind: "conflict", index: 0, current: head });
      const gone = await a.write({
        collection,
        key: "k",
        ifRevision: head!.revision,
        earlier: [step("7", "zoe")],
        ...step(null, "bob"),
      });
      assert.deepEqual(gone, { kind: "written", records: [null] });
      const versions = await historyOf(a, collection, "k");
      assert.deepEqual(
        versions.map(({ value, author }) => [value, author]),
        [
          [null, "bob"],
          ["7", "zoe"],
          ["4", "joe"],
          [null, "eve"],
          ["2", "bob"],
          ["1", "ann"],
        ],
      );
    },
  },
  {
    of: "records",
    name: "history: a chain without forks, whoever writes at once",
    async run(stage) {
      const all = await stage.joinMany(4);
      const keys = ["k", "k1"];
      const writes = all.flatMap((each) =>
        [1, 2, 3, 4, 5].flatMap((n) => keys.map((key) => each.write({ collection, key, value: `${n}` }))),
      );
      for (const outcome of await Promise.all(writes)) assert.equal(outcome.kind, "written");
      for (const key of keys) assert.equal((await historyOf(all[0]!, collection, key)).length, 20);
    },
  },
];
