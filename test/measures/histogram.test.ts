import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Histogram } from "#src/measures/histogram.js";
import { ByTemplate, defaultTemplate, OTHERS } from "#src/measures/templates.js";

const duration = fc.double({ min: 1e-4, max: 1e9, noNaN: true });

test("any quantile is within 2.3 % of the true one; count, mean and maximum are exact", () => {
  const property = fc.property(
    fc.array(duration, { minLength: 1, maxLength: 200 }),
    fc.constantFrom(0.01, 0.5, 0.95, 0.99, 1),
    (durations, q) => {
      const histogram = new Histogram();
      for (const each of durations) histogram.record(each);
      const inOrder = [...durations].sort((a, b) => a - b);
      const exact = inOrder[Math.ceil(q * durations.length) - 1]!;
      assert.ok(Math.abs(histogram.quantile(q) / exact - 1) < 0.023, `${histogram.quantile(q)} for ${exact}`);
      const { count, mean, max } = histogram.summary();
      assert.equal(count, durations.length);
      assert.equal(max, inOrder.at(-1));
      assert.equal(mean, durations.reduce((sum, each) => sum + each, 0) / count);
    },
  );
  fc.assert(property, { numRuns: 2_000 });
});

test("counts up to a power of two are exact", () => {
  const histogram = new Histogram();
  for (const each of [0, 0.5, 1, 1.0001, 2, 3.9, 4, 4.1]) histogram.record(each);
  assert.deepEqual([-1, 0, 1, 2, 3].map((octave) => histogram.upTo(octave)), [2, 3, 5, 7, 8]);
});

test("nothing measured, and what is out of range", () => {
  const histogram = new Histogram();
  assert.deepEqual(histogram.summary(), { count: 0, mean: 0, p50: 0, p95: 0, p99: 0, max: 0 });
  for (const each of [-5, 1e300, NaN]) histogram.record(each);
  assert.equal(histogram.count, 3);
  assert.equal(histogram.quantile(0.3), 0);
});

test("templates keep keys out, and are bounded in number", () => {
  const templates = {
    "order:42": "order:*",
    "record:contacts/ann@example.org": "record:contacts/*",
    "mail/ann": "mail/*",
    catalog: "catalog",
    "4711": "*",
    "a-name-that-is-longer-than-any-kind-of-thing": "*",
  };
  for (const [name, template] of Object.entries(templates)) assert.equal(defaultTemplate(name), template);
  const counts = new ByTemplate(2, () => ({ n: 0 }));
  for (const name of ["a", "b", "c", "d", "a"]) counts.at(name).n += 1;
  assert.deepEqual([...counts.entries()], [["a", { n: 2 }], ["b", { n: 1 }], [OTHERS, { n: 2 }]]);
});
