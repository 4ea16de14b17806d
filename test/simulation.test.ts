import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate, SimulationFailure } from "holdfast/testkit";
import { SIMULATED_STORES } from "./simulated-stores.js";

/** `npm run sim` runs more, and others. */
const SEEDS = Array.from({ length: 500 }, (_, at) => at + 1);

for (const [name, open] of Object.entries(SIMULATED_STORES)) {
  test(`simulation: ${name} answers ${SEEDS.length} programs as the model does`, async (t) => {
    try {
      const { programs, steps, pushes } = await simulate({ open, seeds: SEEDS });
      assert.equal(programs, SEEDS.length);
      t.diagnostic(`${steps} steps, ${pushes} pushes`);
    } catch (error) {
      if (!(error instanceof SimulationFailure)) throw error;
      const replay = `npm run sim -- --seed ${error.seed} --backend ${name}`;
      assert.fail(`${error.message}\n\nTo see it again: ${replay}`);
    }
  });
}
