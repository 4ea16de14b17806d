import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL } from "holdfast/backend";
import { isSameLine } from "#src/backends/zookeeper/empty-lines.js";
import { childOf, nodePrefix, segmentOf, textOf } from "#src/backends/zookeeper/names.js";
import { blockerOf, holding, queueOf, strangersBehind } from "#src/backends/zookeeper/queue.js";

const names = (...children: readonly string[]): readonly string[] =>
  queueOf(children).map(({ name }) => name);

test("names are Curator's, and tell what is asked for", () => {
  const mutex = `${nodePrefix("p_-1:a", 1, 1)}0000000012`;
  assert.equal(mutex, "_c_p%5F%2D1:a-lock-0000000012");
  assert.deepEqual(childOf(mutex), {
    name: mutex,
    leaseId: "p_-1:a",
    process: "p_-1",
    permits: 1,
    capacity: 1,
    sequence: 12,
    digits: "0000000012",
  });
  assert.match(nodePrefix("p:1", 1, ALL), /-__READ__$/);
  assert.match(nodePrefix("p:1", ALL, ALL), /-__WRIT__$/);
  const permits = childOf(`${nodePrefix("p:1", 3, 5)}0000000001`);
  assert.deepEqual([permits?.permits, permits?.capacity], [3, 5]);
  const theirs = childOf("_c_0bd1ca42-5c2a-4c5e-8f0e-1a2b3c4d5e6f-lock-0000000003");
  assert.equal(theirs?.leaseId, "0bd1ca42-5c2a-4c5e-8f0e-1a2b3c4d5e6f");
  assert.equal(childOf("write-0000000005")?.sequence, 5);
  assert.equal(childOf("notes"), null);
});

test("any text is one part of a path, and comes back", () => {
  for (const text of ["a/b", "..", ".", "zookeeper", "100%", "%41", "客户", "😀", "\uE000", "a\u0000b", " "]) {
    assert.doesNotMatch(segmentOf(text), /[/\p{Cc}\ud800-\uf8ff]/u, text);
    assert.ok(![".", "..", "zookeeper", ""].includes(segmentOf(text)), text);
    assert.equal(textOf(segmentOf(text)), text);
  }
  assert.equal(segmentOf("invoice:42"), "invoice:42");
  assert.equal(segmentOf("客户:四十二"), "客户:四十二");
});

test("the order is by sequence, whatever the ids, and also where it wraps round 2^31", () => {
  assert.deepEqual(names("_c_z-lock-0000000001", "_c_a-lock-0000000010", "_c_m-lock-0000000002"), [
    "_c_z-lock-0000000001",
    "_c_m-lock-0000000002",
    "_c_a-lock-0000000010",
  ]);
  const numbers = ["-2147483648", "2147483646", "2147483647", "-2147483647"];
  const wrapped = numbers.map((number) => `_c_a-lock-${number}`);
  assert.deepEqual(names(...wrapped), [wrapped[1], wrapped[2], wrapped[0], wrapped[3]]);
});

test("who holds, who is in the way, and who waits behind", () => {
  const read = (process: string, at: number): string => `${nodePrefix(`${process}:1`, 1, ALL)}000000000${at}`;
  const write = (process: string, at: number): string =>
    `${nodePrefix(`${process}:2`, ALL, ALL)}000000000${at}`;
  const queue = queueOf([read("a", 1), read("b", 2), write("a", 3), read("c", 4), write("b", 5)]);
  assert.equal(holding(queue), 2);
  assert.equal(blockerOf(queue, 2)?.name, read("b", 2), "a writer waits for the one just ahead");
  assert.equal(blockerOf(queue, 3)?.name, write("a", 3), "a reader for the writer ahead");
  assert.equal(strangersBehind(queue, 0), 2);
  const some = (process: string, permits: number, at: number): string =>
    `${nodePrefix(`${process}:3`, permits, 5)}000000000${at}`;
  const permits = queueOf([some("a", 3, 1), some("b", 1, 2), some("c", 2, 3), some("d", 5, 4)]);
  assert.equal(holding(permits), 2);
  assert.equal(blockerOf(permits, 2), undefined, "either of two may make room");
  assert.equal(blockerOf(permits, 3)?.name, some("c", 2, 3));
  const unknown = queueOf(["x-0000000001", "_c_p-lock-0000000002"]);
  assert.equal(holding(unknown), 1, "nothing fits beside what nobody knows");
});

test("a line that was left is another one when others may have made it anew", () => {
  const left = { next: 5, zxid: 100, writes: 10 };
  assert.equal(isSameLine(left, { zxid: 120, writes: 30 }), true, "all of these were ours");
  assert.equal(isSameLine(left, { zxid: 107, writes: 11 }), true, "six of others");
  assert.equal(isSameLine(left, { zxid: 108, writes: 11 }), false, "seven: removed, made, and five in it");
  assert.equal(isSameLine(left, { zxid: 2 ** 32, writes: 11 }), false, "another leader");
});
