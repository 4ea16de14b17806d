import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { applyPatch, diff } from "holdfast";

/** Fields and items that share much, so that changes are small; names that JSON Pointer escapes. */
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, false, 0, 1, -0.5, "", "a", "~1", "/"),
    fc.array(tie("value"), { maxLength: 5 }),
    fc
      .array(
        fc.tuple(fc.constantFrom("a", "b", "~", "/", "~1", "a/b", "", "0", "-", "__proto__"), tie("value")),
        {
          maxLength: 4,
        },
      )
      .map((fields) => Object.fromEntries(fields)),
  ),
})).value;

test("applying diff(a, b) to a gives b, and leaves a as it was", () => {
  fc.assert(
    fc.property(json, json, (a, b) => {
      const before = JSON.stringify(a);
      assert.deepStrictEqual(applyPatch(a, diff(a, b)), b);
      assert.equal(JSON.stringify(a), before);
    }),
    { numRuns: 3_000 },
  );
});

test("values that are equal differ in nothing, and a patch survives JSON", () => {
  fc.assert(
    fc.property(json, json, (a, b) => {
      assert.deepEqual(diff(a, structuredClone(a)), []);
      const patch = JSON.parse(JSON.stringify(diff(a, b))) as ReturnType<typeof diff>;
      assert.deepStrictEqual(applyPatch(a, patch), b);
    }),
    { numRuns: 1_000 },
  );
});

test("a patch says what changed, where", () => {
  const before = { name: "Ann", "a/b": { "~": 1 }, tags: ["new", "vip", "due"], gone: true };
  const after = { name: "Anna", "a/b": { "~": 2 }, tags: ["new", "due"], since: null };
  assert.deepEqual(diff(before, after), [
    { op: "remove", path: "/gone" },
    { op: "replace", path: "/name", value: "Anna" },
    { op: "replace", path: "/a~1b/~0", value: 2 },
    { op: "remove", path: "/tags/1" },
    { op: "add", path: "/since", value: null },
  ]);
  assert.deepEqual(diff(["b"], ["a", "b"]), [{ op: "add", path: "/0", value: "a" }]);
  assert.deepEqual(diff(["a"], ["a", "b"]), [{ op: "add", path: "/1", value: "b" }]);
  assert.deepEqual(diff(null, { a: 1 }), [{ op: "replace", path: "", value: { a: 1 } }]);
});

test("a path that leads nowhere is refused", () => {
  for (const path of ["/b", "/a/0", "/list/2", "/list/01", "/list/x", "/list/-", "a"]) {
    const value = { a: 1, list: [1, 2] };
    assert.throws(() => applyPatch(value, [{ op: "replace", path, value: 2 }]), RangeError, path);
    assert.throws(() => applyPatch(value, [{ op: "remove", path }]), RangeError, path);
  }
  assert.deepEqual(applyPatch([1], [{ op: "add", path: "/-", value: 2 }]), [1, 2]);
});
