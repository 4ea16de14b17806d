import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate, simulateCoordinators, SimulationFailure } from "holdfast/testkit";
import { SIMULATED_STORES } from "./simulated-stores.ts";

/** `npm run sim` runs more, and others. */
const seeds = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

async function replayable(what: string, run: () => Promise<string>): Promise<string> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error;
    assert.fail(`${error.message}\n\nTo see it again: npm run sim -- ${what} --seed ${error.seed}`);
  }
}

for (const [name, open] of Object.entries(SIMULATED_STORES)) {
  test(`simulation: ${name} answers 500 programs as the model does`, async (t) => {
    const summary = await replayable(`--backend ${name}`, async () => {
      const { programs, steps, pushes } = await simulate({ open, seeds: seeds(500) });
      assert.equal(programs, 500);
      return `${steps} steps, ${pushes} pushes`;
    });
    t.diagnostic(summary);
  });
}

test("simulation: coordinators behind bad networks never believe what is not true", async (t) => {
  const open = SIMULATED_STORES["memory"];
  assert.ok(open !== undefined);
  const summary = await replayable("--coordinators", async () => {
    const { voyages, errands, granted, lost } = await simulateCoordinators({ open, seeds: seeds(200) });
    assert.equal(voyages, 200);
    return `${errands} errands, ${granted} granted, ${lost} lost`;
  });
  t.diagnostic(summary);
});
