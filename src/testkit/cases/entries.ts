import assert from "node:assert/strict";
import type { Entry, EntryPage } from "../../backend.ts";
import type { Case } from "../case.ts";
import { drafted, type Draft } from "../participant.ts";
import { made } from "../records.ts";

const collection = "c";
const email = (value: string): Entry => ({ name: "email", value, unique: true });
const phase = (value: string): Entry => ({ name: "stage", value, unique: false });
const put = (key: string, entries?: readonly Entry[], rest: Partial<Draft> = {}): Draft => ({
  collection,
  key,
  value: "1",
  ...(entries === undefined ? {} : { entries }),
  ...rest,
});

/** In binary order of their UTF-8 text. */
const VALUES = ["", "\u0000", "A", "A%", "A_", "a", "a\u0000", "ab", "x".repeat(1_024), "é", "\uFF5E", "😀"];

export const entries: readonly Case[] = [
  {
    of: "records",
    name: "unique entries: no two live records have the same, whatever else they say",
    async run(stage) {
      const a = await stage.join();
      await made(a, put("x", [email("e"), phase("s")]));
      const refused = { kind: "taken", index: 0, entry: email("e"), key: "x" };
      assert.deepEqual(await a.write(put("y", [phase("s"), email("e")])), refused);
      assert.equal(await a.backend.read(collection, "y"), null, "nothing was written");
      await made(a, put("y", [email("E"), phase("s")]));
      await made(a, put("z", [phase("s"), { name: "phone", value: "e", unique: true }]));
      await made(a, { ...put("x", [email("e")]), collection: "other" });
      assert.deepEqual(await a.write(put("y", [email("e")])), refused);
      await made(a, put("x", [email("e")], { value: "2" }));
      assert.deepEqual(await a.write(put("y", [email("e")])), refused, "still there after its owner's write");
      await made(a, put("x"));
      assert.deepEqual(await a.write(put("y", [email("e")])), refused, "kept by a write that names none");
    },
  },
  {
    of: "records",
    name: "unique entries: let go by change and by deletion",
    async run(stage) {
      const a = await stage.join();
      await made(a, put("x", [email("e")]));
      await made(a, put("x", [email("f")]));
      await made(a, put("y", [email("e")]));
      await made(a, put("y", undefined, { value: null }));
      await made(a, put("x", [email("e")]));
      await made(a, put("y"));
      assert.deepEqual(await a.backend.find(collection, { name: "email", equals: "f", limit: 9 }), []);
      await made(a, put("x", []));
      await made(a, put("y", [email("e")]));
    },
  },
  {
    of: "records",
    name: "unique entries: a conflict or a stale fence is told first, a replay before all",
    async run(stage) {
      const a = await stage.join();
      const first = drafted(put("x", [email("e")]));
      const outcome = await a.backend.write([first]);
      assert.equal((await a.write(put("y", [email("e")], { ifRevision: "wrong" }))).kind, "conflict");
      await made(a, put("x", []));
      await made(a, put("y", [email("e")]));
      assert.deepEqual(await a.backend.write([first]), outcome);
      const found = await a.backend.find(collection, { name: "email", limit: 9 });
      assert.deepEqual(
        found.map(({ record }) => record.key),
        ["y"],
        "a replay changes nothing",
      );
    },
  },
  {
    of: "records",
    name: "unique entries: of many at once who want the same, one gets it",
    async run(stage) {
      const all = await stage.joinMany(4);
      const outcomes = await Promise.all(
        all.flatMap((each, at) => [
          each.write(put(`x${at}`, [email("e")])),
          each.write(put(`y${at}`, [email("e")])),
        ]),
      );
      assert.equal(outcomes.filter(({ kind }) => kind === "written").length, 1);
      assert.equal(outcomes.filter(({ kind }) => kind === "taken").length, 7);
      const [owner, ...others] = await all[0]!.backend.find(collection, {
        name: "email",
        equals: "e",
        limit: 9,
      });
      assert.equal(others.length, 0);
      for (const outcome of outcomes)
        if (outcome.kind === "taken") assert.equal(outcome.key, owner?.record.key);
    },
  },
  {
    of: "records",
    name: "unique entries: writes of one call may swap theirs, and not want the same",
    async run(stage) {
      const a = await stage.join();
      if (a.backend.guarantees.writes !== "any") return;
      const write = (...drafts: Draft[]) => a.backend.write(drafts.map((draft) => drafted(draft)));
      await made(a, put("x", [email("e")]));
      await made(a, put("y", [email("f")]));
      const swapped = await write(put("x", [email("f")]), put("y", [email("e")]));
      assert.equal(swapped.kind, "written");
      const holders = async (): Promise<readonly unknown[]> =>
        (await a.backend.find(collection, { name: "email", limit: 9 })).map(({ value, record }) => [
          value,
          record.key,
        ]);
      assert.deepEqual(await holders(), [
        ["e", "y"],
        ["f", "x"],
      ]);
      for (const [value, key] of [
        ["e", "y"],
        ["f", "x"],
      ] as const) {
        assert.deepEqual(await write(put("z", [email(value)])), {
          kind: "taken",
          index: 0,
          entry: email(value),
          key,
        });
      }
      const both = await write(put("v", [email("g")]), put("w", [email("g")]));
      assert.deepEqual(both, { kind: "taken", index: 1, entry: email("g"), key: "v" });
      const moved = await write(put("z", [email("e")]), put("y", undefined, { value: null }));
      assert.equal(moved.kind, "written", "a deletion of the same call lets go");
      const kept = await write(put("u", [email("f")]), put("x"));
      assert.deepEqual(kept, { kind: "taken", index: 1, entry: email("f"), key: "u" });
      assert.deepEqual(await holders(), [
        ["e", "z"],
        ["f", "x"],
      ]);
    },
  },
  {
    of: "records",
    name: "find: live records by an entry, in binary order, page by page",
    async run(stage) {
      const a = await stage.join();
      for (const [at, value] of [...VALUES.entries()].reverse()) {
        for (const key of ["k", "K"]) await made(a, put(`${key}${at}`, [phase(value), email(`${key}${at}`)]));
      }
      await made(a, { ...put("k", [phase("A")]), collection: "cc" });
      await made(a, put("dead", [phase("A")]));
      await made(a, put("dead", undefined, { value: null }));
      const read = async (page: Omit<EntryPage, "limit">): Promise<readonly unknown[]> => {
        const found: (readonly [string, string])[] = [];
        let after = page.after;
        for (;;) {
          const some = await a.backend.find(collection, {
            ...page,
            limit: 3,
            ...(after === undefined ? {} : { after }),
          });
          assert.ok(some.length <= 3);
          const last = some.at(-1);
          if (last === undefined) return found;
          for (const { record, value } of some) {
            assert.deepEqual(await a.backend.read(collection, record.key), record);
            found.push([value, record.key]);
          }
          after = { value: last.value, key: last.record.key };
        }
      };
      const all = VALUES.flatMap(
        (value, at) =>
          [
            [value, `K${at}`],
            [value, `k${at}`],
          ] as const,
      );
      assert.deepEqual(await read({ name: "stage" }), all);
      for (const value of VALUES) {
        const equal = all.filter(([other]) => other === value);
        assert.deepEqual(await read({ name: "stage", equals: value }), equal, JSON.stringify(value));
        const alike = all.filter(([other]) => other.startsWith(value));
        assert.deepEqual(await read({ name: "stage", prefix: value }), alike, JSON.stringify(value));
      }
      const from = { value: "a", key: "K5" };
      assert.deepEqual(
        await read({ name: "stage", prefix: "a", after: from }),
        all.filter(([value, key]) => value.startsWith("a") && (value !== "a" || key !== "K5")),
      );
      assert.deepEqual(await read({ name: "none" }), []);
      assert.equal((await read({ name: "email", prefix: "K" })).length, VALUES.length);
    },
  },
  {
    of: "records",
    name: "find: a record may have several entries of one name, and always those of its head",
    async run(stage) {
      const a = await stage.join();
      const tag = (value: string): Entry => ({ name: "tag", value, unique: false });
      const found = async (): Promise<readonly unknown[]> =>
        (await a.backend.find(collection, { name: "tag", limit: 9 })).map(({ value, record }) => [
          value,
          record.value,
        ]);
      await made(a, put("x", [tag("red"), tag("blue")]));
      assert.deepEqual(await found(), [
        ["blue", "1"],
        ["red", "1"],
      ]);
      await made(a, put("x", [tag("red"), tag("green")], { value: "2" }));
      assert.deepEqual(await found(), [
        ["green", "2"],
        ["red", "2"],
      ]);
      await made(a, put("x", undefined, { value: "3" }));
      assert.deepEqual(await found(), [
        ["green", "3"],
        ["red", "3"],
      ]);
      await a.write(put("x", [], { ifRevision: null }));
      assert.equal((await found()).length, 2, "what is refused changes no entries");
    },
  },
];
