import assert from "node:assert/strict";
import { test } from "node:test";
import { merge3 } from "#src/records/merge/merge3.js";
import { checkRules, type MergeRules } from "#src/records/merge/rules.js";

const base = { name: "Ann", address: { street: "A 1", city: "Oslo" }, tags: ["x", "y"] };

test("fields merge at any depth, and a conflict names its place and has what all three say", () => {
  const mine = { ...base, name: "Anna", address: { street: "B 2", city: "Oslo" } };
  const theirs = { ...base, address: { street: "C 3", city: "Rome" } };
  assert.deepEqual(merge3(base, mine, theirs), {
    value: { ...theirs, name: "Anna" },
    conflicts: [{ fields: ["/address/street"], base: "A 1", mine: "B 2", theirs: "C 3" }],
  });
});

test("a group is in conflict as a whole", () => {
  const rules = { fields: { address: { groups: [["street", "city"]] } } };
  const mine = { ...base, address: { street: "B 2", city: "Oslo" } };
  const theirs = { ...base, address: { street: "A 1", city: "Rome" } };
  assert.deepEqual(merge3(base, mine, theirs, rules).conflicts, [
    {
      fields: ["/address/street", "/address/city"],
      base: base.address,
      mine: mine.address,
      theirs: theirs.address,
    },
  ]);
});

test("a list without a rule is one cell; null is a value, not a missing field", () => {
  const mine = { ...base, tags: ["x"], name: null };
  const { conflicts } = merge3<unknown>(base, mine, { ...base, tags: ["y"], name: "Bo" });
  assert.deepEqual(conflicts.map(({ fields, mine: value }) => [fields[0], value]), [
    ["/name", null],
    ["/tags", ["x"]],
  ]);
});

test("a deletion that meets a change is a conflict, unless told who wins", () => {
  const changed = { ...base, name: "Bo" };
  const whole = merge3(base, null, changed);
  assert.deepEqual(whole, {
    value: changed,
    conflicts: [{ fields: [""], base, mine: undefined, theirs: changed }],
  });
  for (const [mine, theirs] of [[null, changed], [changed, null]]) {
    assert.deepEqual(merge3(base, mine!, theirs!, { deletion: "wins" }), { value: null, conflicts: [] });
    assert.deepEqual(merge3(base, mine!, theirs!, { deletion: "loses" }), { value: changed, conflicts: [] });
  }
  assert.deepEqual(merge3(base, null, base), { value: null, conflicts: [] });
  assert.deepEqual(merge3(base, null, null), { value: null, conflicts: [] });
});

test("two who create the same record are in conflict, if not equal", () => {
  assert.equal(merge3<unknown>(null, { a: 1 }, { b: 1 }).conflicts.length, 1);
  assert.deepEqual(merge3<unknown>(null, { a: 1 }, { a: 1 }), { value: { a: 1 }, conflicts: [] });
});

test("both sides' order of a list with ids, if different, is a conflict", () => {
  const rules: MergeRules = { fields: { lines: { id: "id" } } };
  const lines = (ids: string) => ({ lines: [...ids].map((id) => ({ id })) });
  const merged = (mine: string, theirs: string) => {
    const { value, conflicts } = merge3(lines("abc"), lines(mine), lines(theirs), rules);
    return [value!.lines.map(({ id }) => id).join(""), conflicts.length];
  };
  assert.deepEqual(merged("cab", "abcx"), ["cxab", 0]);
  assert.deepEqual(merged("axbc", "aybc"), ["axybc", 0]);
  assert.deepEqual(merged("ac", "xabcy"), ["xacy", 0]);
  assert.deepEqual(merged("cab", "bca"), ["bca", 1]);
});

test("a list whose items have no id of their own, or the same, is one cell", () => {
  const rules: MergeRules = { fields: { lines: { id: "id" } } };
  const [before, mine, theirs] = [[{ id: 1 }], [{ id: 1 }, { id: 1 }], [{ id: 1 }, {}]];
  const { conflicts } = merge3<unknown>({ lines: before }, { lines: mine }, { lines: theirs }, rules);
  assert.deepEqual(conflicts[0]?.fields, ["/lines"]);
});

test("names of an object's own making do no harm", () => {
  const parse = (text: string) => JSON.parse(text) as unknown;
  const merged = merge3(
    parse('{"__proto__":{"a":1},"n":1}'),
    parse('{"__proto__":{"a":2},"n":1,"a/b~":1}'),
    parse('{"__proto__":{"a":1,"b":1},"n":2,"a/b~":2}'),
  );
  assert.equal(JSON.stringify(merged.value), '{"__proto__":{"a":2,"b":1},"n":2,"a/b~":2}');
  assert.deepEqual(merged.conflicts.map(({ fields }) => fields), [["/a~1b~0"]]);
  assert.equal(({} as { a?: unknown }).a, undefined);
  const inherited = merge3<unknown>({ n: 1 }, { n: 1, toString: 1 }, { n: 2 });
  assert.deepEqual(inherited, { value: { n: 2, toString: 1 }, conflicts: [] });
});

test("rules that make no sense are refused with the remedy", () => {
  const refused = (rules: unknown, message: RegExp) =>
    assert.throws(() => checkRules(rules as MergeRules), { name: "TypeError", message });
  refused({ deletion: "yes" }, /deletion must be "conflict", "wins" or "loses", not "yes"/);
  refused({ id: "id" }, /a record is no list/);
  refused({ fields: { a: "sum" } }, /the rule of "a" must be "counter", "set"/);
  refused({ fields: { a: { id: "" } } }, /the id of "a" must be the name of a field/);
  refused({ groups: ["ab"] }, /groups of the record must be lists of field names/);
  refused({ groups: [["a", "b"], ["b"]] }, /"b" of the record is in two groups/);
  refused({ fields: { x: { fields: { a: "set" }, groups: [["a"]] } } }, /"a" of "x" is in a group/);
});
