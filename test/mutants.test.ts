import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { memoryMutants } from "./mutants/memory-mutants.ts";
import { tryMutant } from "./mutants/try-mutant.ts";

const SETS = [{ subject: "memory", mutants: memoryMutants }];

for (const { subject, mutants } of SETS) {
  describe(`mutants of ${subject}`, { concurrency: 2 }, () => {
    test("as it is, it passes", async () => {
      const { caught } = await tryMutant(subject, undefined);
      assert.equal(caught, "");
    });

    for (const mutant of mutants) {
      test(mutant.name, async (t) => {
        const { found, caught } = await tryMutant(subject, mutant);
        assert.equal(found, 1, `the text to replace occurs ${found} times in ${mutant.file}`);
        assert.notEqual(caught, "", "nobody noticed");
        t.diagnostic(`caught by ${caught.slice(0, 300)}`);
      });
    }
  });
}
