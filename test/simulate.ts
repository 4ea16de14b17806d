import { parseArgs } from "node:util";
import { simulate, SimulationFailure } from "holdfast/testkit";
import { SIMULATED_STORES } from "./simulated-stores.js";

const USAGE = `npm run sim -- [--backend memory] [--seed FIRST] [--seeds COUNT]

Runs the programs of COUNT seeds (default 500), from FIRST (default 1), on a store whose clock is simulated,
and compares every answer with the model's. Backends: ${Object.keys(SIMULATED_STORES).join(", ")}.`;

const { values } = parseArgs({
  options: {
    backend: { type: "string", default: "memory" },
    seed: { type: "string" },
    seeds: { type: "string" },
    help: { type: "boolean" },
  },
});
const open = SIMULATED_STORES[values.backend];
const first = Number(values.seed ?? 1);
// One seed alone is a replay.
const count = Number(values.seeds ?? (values.seed === undefined ? 500 : 1));

if (values.help === true || open === undefined || !(first >= 0) || !(count >= 1)) {
  process.stdout.write(`${USAGE}\n`);
  process.exitCode = values.help === true ? 0 : 64;
} else {
  const start = performance.now();
  try {
    const seeds = Array.from({ length: count }, (_, at) => first + at);
    const { programs, steps, pushes } = await simulate({ open, seeds });
    const seconds = ((performance.now() - start) / 1_000).toFixed(1);
    process.stdout.write(`${values.backend}: ${programs} seeds, ${steps} steps, ${pushes} pushes, all as the model says (${seconds} s)\n`);
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error;
    const replay = `npm run sim -- --seed ${error.seed} --backend ${values.backend}`;
    process.stderr.write(`${error.message}\n\nTo see it again: ${replay}\n`);
    process.exitCode = 1;
  }
}
