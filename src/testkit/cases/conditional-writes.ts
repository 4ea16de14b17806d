import assert from "node:assert/strict";
import type { StoredRecord, WriteOutcome } from "../../backend.ts";
import type { Case } from "../case.ts";
import { only } from "../participant.ts";

const collection = "c";

function written(outcome: WriteOutcome): StoredRecord {
  assert.equal(outcome.kind, "written");
  const record = outcome.kind === "written" ? only(outcome.records) : null;
  assert.ok(record !== null, "a record was written");
  return record;
}

export const conditionalWrites: readonly Case[] = [
  {
    of: "records",
    name: "conditional writes: what is written is read, by every process",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      assert.equal(await a!.backend.read(collection, "k"), null);
      const before = await a!.backend.time();
      const value = '{"n":1,"s":"é\\u0000"}';
      const record = written(await a!.write({ collection, key: "k", value, author: "ann" }));
      const after = await a!.backend.time();
      assert.deepEqual({ ...record, revision: "", updatedAt: 0 }, {
        key: "k",
        value,
        revision: "",
        updatedAt: 0,
        author: "ann",
      });
      assert.ok(record.updatedAt >= before - 1 && record.updatedAt <= after + 1);
      assert.deepEqual(await b!.backend.read(collection, "k"), record);
      assert.equal(await b!.backend.read("other", "k"), null);
      assert.equal(written(await b!.write({ collection, key: "k", value: "2" })).author, null);
    },
  },
  {
    of: "records",
    name: "conditional writes: null demands absence",
    async run(stage) {
      const a = await stage.join();
      const first = written(await a.write({ collection, key: "k", value: "1", ifRevision: null }));
      const again = await a.write({ collection, key: "k", value: "2", ifRevision: null });
      assert.deepEqual(again, { kind: "conflict", index: 0, current: first });
      assert.deepEqual(await a.backend.read(collection, "k"), first);
    },
  },
  {
    of: "records",
    name: "conditional writes: a revision demands that very one, and the refusal tells the current",
    async run(stage) {
      const a = await stage.join();
      const first = written(await a.write({ collection, key: "k", value: "1" }));
      const change = { collection, key: "k", ifRevision: first.revision };
      const second = written(await a.write({ ...change, value: "2" }));
      assert.notEqual(second.revision, first.revision);
      const conflict = { kind: "conflict", index: 0, current: second };
      assert.deepEqual(await a.write({ ...change, value: "3" }), conflict);
      assert.deepEqual(await a.write({ ...change, value: null }), conflict);
      assert.deepEqual(await a.backend.read(collection, "k"), second);
      assert.deepEqual(await a.write({ ...change, key: "absent", value: "1" }), {
        kind: "conflict",
        index: 0,
        current: null,
      });
      written(await a.write({ collection, key: "k", value: "4" }));
    },
  },
  {
    of: "records",
    name: "conditional writes: of many with one expected revision, one succeeds",
    async run(stage) {
      const all = await stage.joinMany(4);
      const first = written(await all[0]!.write({ collection, key: "k", value: "0" }));
      const outcomes = await Promise.all(
        all.flatMap((each, at) => [
          each.write({ collection, key: "k", value: `${at}`, ifRevision: first.revision }),
          each.write({ collection, key: "new", value: `${at}`, ifRevision: null }),
        ]),
      );
      assert.equal(outcomes.filter(({ kind }) => kind === "written").length, 2);
      assert.equal(outcomes.filter(({ kind }) => kind === "conflict").length, 6);
    },
  },
  {
    of: "records",
    name: "conditional writes: a deleted record is absent, and its revisions never come back",
    async run(stage) {
      const a = await stage.join();
      const revisions: string[] = [];
      for (let round = 0; round < 3; round += 1) {
        const made = await a.write({ collection, key: "k", value: "1", ifRevision: null });
        const { revision } = written(made);
        revisions.push(revision);
        const deleted = await a.write({ collection, key: "k", value: null, ifRevision: revision });
        assert.deepEqual(deleted, { kind: "written", records: [null] });
        assert.equal(await a.backend.read(collection, "k"), null);
        for (const old of revisions) {
          const refused = await a.write({ collection, key: "k", value: "2", ifRevision: old });
          assert.deepEqual(refused, { kind: "conflict", index: 0, current: null });
        }
      }
      assert.equal(new Set(revisions).size, 3);
    },
  },
  {
    of: "records",
    name: "conditional writes: deleting what does not exist is written",
    async run(stage) {
      const a = await stage.join();
      const nothing = { kind: "written", records: [null] };
      assert.deepEqual(await a.write({ collection, key: "k", value: null }), nothing);
      const absent = { collection, key: "k", value: null, ifRevision: null };
      assert.deepEqual(await a.write(absent), nothing);
      written(await a.write({ collection, key: "k", value: "1" }));
      assert.deepEqual(await a.write({ collection, key: "k", value: null }), nothing);
      assert.deepEqual(await a.write({ collection, key: "k", value: null }), nothing);
    },
  },
  {
    of: "records",
    name: "conditional writes: a replay is answered as the first time, and changes nothing",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const make = { collection, key: "k", value: "1", ifRevision: null, opId: "op1", author: "ann" };
      const first = written(await a!.write(make));
      await stage.pass(5);
      assert.deepEqual(written(await b!.write(make)), first);
      const change = { collection, key: "k", value: "2", ifRevision: first.revision, opId: "op2" };
      const second = written(await a!.write(change));
      assert.deepEqual(written(await a!.write(change)), second);
      const remove = { collection, key: "k", value: null, ifRevision: second.revision, opId: "op3" };
      for (let times = 0; times < 2; times += 1) {
        assert.deepEqual(await a!.write(remove), { kind: "written", records: [null] });
      }
      assert.equal((await a!.write({ ...make, opId: "op4" })).kind, "written", "absent again");
    },
  },
  {
    of: "records",
    name: "conditional writes: several in one call take effect together, or not at all",
    async run(stage) {
      const a = await stage.join();
      if (a.backend.guarantees.writes !== "any") return;
      const put = (key: string, ifRevision?: string | null): object => ({
        key,
        ...(ifRevision === undefined ? {} : { ifRevision }),
      });
      const write = (list: readonly object[], opId: string): Promise<WriteOutcome> =>
        a.backend.write(
          list.map((each, at) => ({
            collection: at % 2 === 0 ? "c" : "d",
            key: "",
            value: `"${opId}"`,
            revision: a.leaseId(),
            opId: `${opId}.${at}`,
            ...each,
          })),
        );
      const both = await write([put("x", null), put("y", null)], "one");
      assert.equal(both.kind, "written");
      const [x, y] = both.kind === "written" ? both.records : [];
      const refused = await write([put("x", x?.revision), put("y", null), put("z")], "two");
      assert.deepEqual(refused, { kind: "conflict", index: 1, current: y });
      assert.deepEqual(await a.backend.read("c", "x"), x);
      assert.deepEqual(await a.backend.read("d", "y"), y);
      assert.equal(await a.backend.read("c", "z"), null);
      const swap = [put("x", x?.revision), { ...put("y", y?.revision), value: null }];
      const third = await write(swap, "three");
      assert.deepEqual(await write(swap, "three"), third, "a replay");
      assert.equal((await a.backend.read("c", "x"))?.value, '"three"');
      assert.equal(await a.backend.read("d", "y"), null);
    },
  },
  {
    of: "records",
    name: "conditional writes: a value may be large",
    async run(stage) {
      const a = await stage.join();
      const value = JSON.stringify("ä".repeat(100_000));
      written(await a.write({ collection, key: "k", value }));
      assert.equal((await a.backend.read(collection, "k"))?.value, value);
    },
  },
];
