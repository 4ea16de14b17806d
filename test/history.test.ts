import assert from "node:assert/strict";
import { test } from "node:test";
import { lostUpdates, notOnce, overlaps, overtaken } from "holdfast/testkit";

test("overlaps: touching is no overlap, and permits add up", () => {
  const a = { who: "a", from: 0, to: 10 };
  assert.deepEqual(overlaps([{ who: "b", from: 10, to: 20 }, a]), []);
  assert.deepEqual(overlaps([{ who: "b", from: 9, to: 20 }, a]), [
    { at: 9, permits: 2, holders: ["a", "b"] },
  ]);
  const pair = [{ ...a, permits: 2 }, { who: "b", from: 5, to: 6, permits: 2 }];
  assert.deepEqual(overlaps(pair, 4), []);
  assert.equal(overlaps([...pair, { who: "c", from: 5, to: 7 }], 4).length, 1);
  assert.deepEqual(overlaps([a, { who: "never", from: 5, to: 5 }]), []);
});

test("overtaken: whoever asked later and was served earlier, beyond the slack", () => {
  const waits = [
    { who: "a", asked: 0, granted: 10 },
    { who: "b", asked: 1, granted: 30 },
    { who: "c", asked: 2, granted: 20 },
    { who: "d", asked: 5, granted: 25 },
  ];
  assert.deepEqual(overtaken(waits), [{ who: "b", by: "c" }]);
  assert.deepEqual(overtaken(waits, 1), [{ who: "b", by: "d" }]);
  assert.deepEqual(overtaken(waits, 4), []);
  assert.deepEqual(overtaken([]), []);
});

test("not once: missing, repeated, uncalled for", () => {
  assert.deepEqual(notOnce(["a", "b"], ["b", "a"]), { missing: [], repeated: [], extra: [] });
  assert.deepEqual(notOnce(["a", "b"], ["b", "b", "c"]), {
    missing: ["a"],
    repeated: ["b"],
    extra: ["c"],
  });
});

test("lost updates: a chain is fine; a fork, a gap, a loop and another end are not", () => {
  const one = { who: "a", from: "0", to: "1" };
  const two = { who: "b", from: "1", to: "2" };
  assert.deepEqual(lostUpdates("0", [two, one], "2"), []);
  assert.deepEqual(lostUpdates("0", [one, two, { who: "c", from: "1", to: "3" }], "2"), [
    "b and c both changed version 1",
  ]);
  assert.deepEqual(lostUpdates("0", [one], "0"), ["the updates end at version 1, the store at 0"]);
  assert.deepEqual(lostUpdates("0", [one, { who: "c", from: "5", to: "6" }], "1"), [
    "1 updates are not in the chain",
  ]);
  assert.equal(lostUpdates("0", [one, { who: "b", from: "1", to: "0" }], "0").length, 1);
});
