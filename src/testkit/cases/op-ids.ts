import assert from "node:assert/strict";
import type { Step } from "../../backend.ts";
import type { Case } from "../case.ts";
import { drafted } from "../participant.ts";
import { historyOf, made } from "../records.ts";

const collection = "c";

export const opIds: readonly Case[] = [
  {
    of: "records",
    name: "op ids: a write that was made once is answered as the first time, also after later ones",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const write = drafted({ collection, key: "k", value: "1", ifRevision: null, author: "ann" });
      const first = await a!.backend.write([write]);
      assert.equal(first.kind, "written");
      await stage.pass(5);
      for (const value of ["2", null, "3"]) {
        await made(a!, { collection, key: "k", value });
        const replay = { ...write, revision: b!.leaseId(), ifRevision: "wrong", value: "9" };
        assert.deepEqual(await b!.backend.write([replay]), first);
      }
      assert.equal((await historyOf(a!, collection, "k")).length, 4);
      const { opId } = write;
      await made(a!, { collection, key: "another", value: "1", opId });
      await made(a!, { collection: "other", key: "k", value: "1", opId });
      assert.equal((await a!.backend.read(collection, "another"))?.value, "1", "ids are a record's own");
    },
  },
  {
    of: "records",
    name: "op ids: a deletion that was made once is answered as the first time",
    async run(stage) {
      const a = await stage.join();
      await made(a, { collection, key: "k", value: "1" });
      const write = drafted({ collection, key: "k", value: null });
      for (let times = 0; times < 3; times += 1) {
        assert.deepEqual(await a.backend.write([write]), { kind: "written", records: [null] });
        await made(a, { collection, key: "k", value: `${times}` });
      }
      assert.equal((await historyOf(a, collection, "k")).length, 5);
      assert.equal((await a.backend.read(collection, "k"))?.value, "2");
    },
  },
  {
    of: "records",
    name: "op ids: of many at once with the same id, one takes effect and all are answered alike",
    async run(stage) {
      const all = await stage.joinMany(4);
      const opId = "the one";
      const outcomes = await Promise.all(
        all.flatMap((each) =>
          [1, 2, 3].map((n) => each.write({ collection, key: "k", value: `${n}`, opId })),
        ),
      );
      for (const outcome of outcomes) assert.deepEqual(outcome, outcomes[0]);
      assert.equal(outcomes[0]?.kind, "written");
      assert.equal((await historyOf(all[0]!, collection, "k")).length, 1);
    },
  },
  {
    of: "records",
    name: "op ids: a replay is answered even if its fence is stale by now",
    async run(stage) {
      const a = await stage.join();
      const fence = (token: bigint): object => ({ fence: { resource: "elsewhere", token, shared: false } });
      const write = drafted({ collection, key: "k", value: "1", ...fence(1_024n) });
      const first = await a.backend.write([write]);
      await made(a, { collection, key: "k", value: "2", ...fence(2_048n) });
      assert.deepEqual(await a.backend.write([write]), first);
    },
  },
  {
    of: "records",
    name: "op ids: combined steps are replayed together; if some were made before, nothing is written",
    async run(stage) {
      const a = await stage.join();
      const step = (value: string): Step => drafted<Step>({ value });
      const [one, two, three, four, five] = ["1", "2", "3", "4", "5"].map(step) as [
        Step,
        Step,
        Step,
        Step,
        Step,
      ];
      const write = (steps: readonly Step[], ifRevision: string | null) =>
        a.backend.write([
          { collection, key: "k", ifRevision, earlier: steps.slice(0, -1), ...steps.at(-1)! },
        ]);
      const first = await write([one, two], null);
      assert.equal(first.kind, "written");
      await made(a, { collection, key: "k", ...three });
      assert.deepEqual(await write([one, two], null), first, "a replay");
      const versions = await historyOf(a, collection, "k");
      for (const steps of [
        [four, one, five, three],
        [one, four],
        [four, three],
      ]) {
        const known = steps.filter((each) => each !== four && each !== five);
        const expected = known.map(({ opId }) => versions.find((version) => version.opId === opId));
        assert.deepEqual(await write(steps, three.revision), {
          kind: "repeated",
          index: 0,
          versions: expected,
        });
      }
      assert.deepEqual(await historyOf(a, collection, "k"), versions);
      assert.equal((await write([four, five], three.revision)).kind, "written");
    },
  },
];
