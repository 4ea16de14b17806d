import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { merge3 } from "#src/records/merge/merge3.js";
import type { MergeRules } from "#src/records/merge/rules.js";
import {
  apply,
  document,
  edits,
  RULES,
  shuffledEdits,
  type Document,
  type Edit,
} from "./merge-programs.ts";

const RUNS = { numRuns: 2_000 };
const rules = fc.constantFrom<MergeRules>(
  {},
  RULES,
  { ...RULES, deletion: "wins" },
  { ...RULES, deletion: "loses" },
);

const programs = fc.record({ base: document, mine: edits, theirs: edits, rules });

type Law = (base: Document, mine: Document, theirs: Document, rules: MergeRules) => void;

function law(name: string, holds: Law): void {
  test(name, () => {
    fc.assert(
      fc.property(programs, ({ base, mine, theirs, rules: by }) => {
        holds(base, apply(base, mine), apply(base, theirs), by);
      }),
      RUNS,
    );
  });
}

law("identity: what one side left alone becomes as the other has it", (base, mine, _, by) => {
  assert.deepEqual(merge3(base, mine, base, by), { value: mine, conflicts: [] });
  assert.deepEqual(merge3(base, base, mine, by), { value: mine, conflicts: [] });
});

law("idempotence: the same change on both sides is taken once, but for counters", (base, mine, _, by) => {
  const merged = merge3(base, mine, mine, by);
  assert.deepEqual(merged.conflicts, []);
  const counted = by.fields === undefined ? mine.calls : sum(base.calls, mine.calls, mine.calls);
  const calls = counted === undefined ? {} : { calls: counted };
  assert.deepEqual(merged.value, { ...mine, ...calls, lines: merged.value?.lines });
  assert.deepEqual(merged.value?.lines.map(({ id }) => id), mine.lines.map(({ id }) => id));
});

law("determinism: the same values give the same text, and are left alone", (base, mine, theirs, by) => {
  const before = JSON.stringify([base, mine, theirs]);
  const first = JSON.stringify(merge3(base, mine, theirs, by));
  assert.equal(JSON.stringify(merge3(base, mine, theirs, by)), first);
  assert.equal(JSON.stringify([base, mine, theirs]), before);
});

law("exchanged sides give the same value, and the same conflicts from there", (base, mine, theirs, by) => {
  const here = merge3(base, mine, theirs, by);
  const there = merge3(base, theirs, mine, by);
  const exchanged = there.conflicts.map((conflict) => ({
    fields: conflict.fields,
    base: conflict.base,
    mine: conflict.theirs,
    theirs: conflict.mine,
  }));
  assert.deepEqual(here.conflicts, exchanged);
  if (here.conflicts.length === 0) assert.deepEqual(here.value, there.value);
});

law("a cell without a rule is one of the three; a changed one not the base's", (base, mine, theirs, by) => {
  const { value, conflicts } = merge3(base, mine, theirs, by);
  for (const name of ["title", "note"] as const) {
    const sides = [mine[name], theirs[name]];
    assert.ok([base[name], ...sides].includes(value![name]), name);
    if (conflicts.length > 0 || (by.deletion === "wins" && sides.includes(undefined))) continue;
    for (const side of sides) {
      if (side !== base[name] && side !== undefined) assert.equal(value![name], side);
    }
  }
});

law("a group never holds a combination that nobody wrote", (base, mine, theirs, by) => {
  if (by.fields === undefined) return;
  const { value } = merge3(base, mine, theirs, by);
  const group = (of: Document): string => JSON.stringify([of.street, of.zip, of.city]);
  assert.ok([base, mine, theirs].map(group).includes(group(value!)));
});

law("counters add up; sets have what either added, but nothing removed", (base, mine, theirs, by) => {
  if (by.fields === undefined) return;
  const { value, conflicts } = merge3(base, mine, theirs, by);
  const lost = conflicts.some(({ fields }) => fields.includes("/calls"));
  if (!lost && value!.calls !== undefined && mine.calls !== undefined && theirs.calls !== undefined) {
    assert.equal(value!.calls, sum(base.calls, mine.calls, theirs.calls));
  }
  const expected = new Set(
    [...mine.tags, ...theirs.tags].filter((tag) => {
      return !base.tags.includes(tag) || (mine.tags.includes(tag) && theirs.tags.includes(tag));
    }),
  );
  assert.deepEqual(new Set(value!.tags), expected);
  assert.equal(value!.tags.length, expected.size);
});

law("a list with ids has each item once, and the items that either side added", (base, mine, theirs, by) => {
  if (by.fields === undefined) return;
  const { value, conflicts } = merge3(base, mine, theirs, by);
  const ids = value!.lines.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  const had = new Set(base.lines.map(({ id }) => id));
  for (const side of [mine, theirs]) {
    for (const { id } of side.lines) assert.ok(had.has(id) || ids.includes(id), `${id} was dropped`);
  }
  if (conflicts.length > 0 || by.deletion === "loses") return;
  for (const id of had) {
    const isEverywhere = [mine, theirs].every(({ lines }) => lines.some((line) => line.id === id));
    assert.equal(ids.includes(id), isEverywhere, String(id));
  }
});

test("edits of different fields, groups, items and counters merge, and contain both", () => {
  const disjoint = fc.record({ base: document, all: shuffledEdits, cut: fc.nat(12) });
  fc.assert(
    fc.property(disjoint, ({ base, all, cut }) => {
      const [mine, theirs] = [all.slice(0, cut), all.slice(cut)] as [Edit[], Edit[]];
      const { value, conflicts } = merge3(base, apply(base, mine), apply(base, theirs), RULES);
      assert.deepEqual(conflicts, []);
      assert.deepEqual(sorted(value!), sorted(apply(base, all)));
    }),
    RUNS,
  );
});

test("several sides give the same, whatever the order they are merged in", () => {
  const sides = fc.record({ base: document, all: shuffledEdits, seed: fc.nat() });
  fc.assert(
    fc.property(sides, ({ base, all, seed }) => {
      const three = [0, 1, 2].map((part) => apply(base, all.filter((_, index) => index % 3 === part)));
      const fold = (order: readonly number[]): Document =>
        order.reduce((head, index) => merge3(base, three[index]!, head, RULES).value!, base);
      const orders = [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]];
      assert.deepEqual(sorted(fold(orders[seed % 4]!)), sorted(fold([0, 1, 2])));
    }),
    RUNS,
  );
});

/** Added items have no order of their own. */
function sorted(value: Document): Document {
  return {
    ...value,
    tags: [...value.tags].sort(),
    lines: [...value.lines].sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

type Count = number | undefined;

function sum(base: Count, mine: Count, theirs: Count): Count {
  if (mine === undefined || theirs === undefined) return undefined;
  if (mine === base) return theirs;
  return theirs === base ? mine : mine + theirs - (base ?? 0);
}
