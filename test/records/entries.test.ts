import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { encoded, entriesOf } from "#src/records/entries.js";

const scalar = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.string({ unit: "grapheme" }).filter((text) => !/\p{Surrogate}/u.test(text)),
);

const RANKS = ["null", "false", "true", "number", "string"];
const rank = (value: unknown): number =>
  RANKS.indexOf(typeof value === "string" || typeof value === "number" ? typeof value : String(value));

function compare(a: unknown, b: unknown): number {
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (typeof a === "string") return Buffer.compare(Buffer.from(a), Buffer.from(b as string));
  return typeof a === "number" ? a - (b as number) : 0;
}

test("entries sort as what they stand for, and are equal if that is", () => {
  fc.assert(
    fc.property(scalar, scalar, (a, b) => {
      const [x, y] = [a, b].map((each) => Buffer.from(encoded("k", "f", each)));
      assert.equal(Math.sign(Buffer.compare(x!, y!)), Math.sign(compare(a, b)));
    }),
    { numRuns: 5_000 },
  );
});

test("fields are found by their paths, as JSON has them", () => {
  const fields = ["at", "owner.id", "tags", "none", "size"].map((name) => ({ name, unique: false }));
  const at = new Date(0);
  const value = { at, owner: { id: 7 }, tags: ["a", "b", "a", null], size: Number.NaN };
  const kept = JSON.parse(JSON.stringify(value)) as unknown;
  const entries = entriesOf("k", value, fields);
  assert.deepEqual(entries, entriesOf("k", kept, fields));
  assert.deepEqual(
    entries.map(({ name, value: text }) => [name, text.slice(0, 8)]),
    [
      ["at", "41970-01"],
      ["owner.id", "3c01c000"],
      ["tags", "4a"],
      ["tags", "4b"],
      ["tags", "0"],
      ["size", "0"],
    ],
  );
  const unique = [{ name: "email", unique: true }];
  assert.deepEqual(entriesOf("k", { email: null }, unique), [], "null is never taken");
  assert.deepEqual(entriesOf("k", null, unique), []);
  assert.deepEqual(entriesOf("k", "text", unique), []);
});

test("what cannot be an entry is refused, with the field and what to do", () => {
  const fields = [{ name: "f", unique: false }];
  const refused = (f: unknown, error: object): void =>
    assert.throws(() => entriesOf("k", { f }, fields), error);
  refused({}, { name: "TypeError", message: /f of "k" is declared for finding, and must be text/ });
  refused([[1]], { name: "TypeError", message: /not a list/ });
  refused("\ud800", { name: "TypeError", message: /unpaired surrogate/ });
  refused("x".repeat(1_024), { name: "RangeError", message: /may have 1023 bytes, but has 1024/ });
  refused(
    Array.from({ length: 101 }, (_, at) => at),
    { name: "RangeError", message: /101 values/ },
  );
});
