import { parseArgs } from "node:util";
import { simulate, simulateCoordinators, SimulationFailure } from "holdfast/testkit";
import { SIMULATED_STORES } from "./simulated-stores.ts";

const USAGE = `npm run sim -- [--backend memory] [--seed FIRST] [--seeds COUNT]
npm run sim -- --coordinators [--seed FIRST] [--seeds COUNT]

Runs the programs of COUNT seeds (default 500), from FIRST (default 1), on a store whose clock is simulated,
and compares every answer with the model's. Backends: ${Object.keys(SIMULATED_STORES).join(", ")}.
With --coordinators: runs whole coordinators on memory behind bad networks. One --seed alone is a replay.`;

const { values } = parseArgs({
  options: {
    backend: { type: "string", default: "memory" },
    coordinators: { type: "boolean", default: false },
    seed: { type: "string" },
    seeds: { type: "string" },
    help: { type: "boolean" },
  },
});
const open = SIMULATED_STORES[values.backend];
const first = Number(values.seed ?? 1);
const count = Number(values.seeds ?? (values.seed === undefined ? 500 : 1));

async function run(store: NonNullable<typeof open>): Promise<string> {
  const seeds = Array.from({ length: count }, (_, at) => first + at);
  if (values.coordinators) {
    const { voyages, errands, granted, lost } = await simulateCoordinators({ open: store, seeds });
    return `${voyages} seeds, ${errands} errands, ${granted} granted, ${lost} lost, all told`;
  }
  const { programs, steps, pushes } = await simulate({ open: store, seeds });
  return `${values.backend}: ${programs} seeds, ${steps} steps, ${pushes} pushes, all as the model says`;
}

if (values.help === true || open === undefined || !(first >= 0) || !(count >= 1)) {
  process.stdout.write(`${USAGE}\n`);
  process.exitCode = values.help === true ? 0 : 64;
} else {
  const start = performance.now();
  try {
    const summary = await run(open);
    process.stdout.write(`${summary} (${((performance.now() - start) / 1_000).toFixed(1)} s)\n`);
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error;
    const what = values.coordinators ? "--coordinators" : `--backend ${values.backend}`;
    const replay = `npm run sim -- ${what} --seed ${error.seed}`;
    process.stderr.write(`${error.message}\n\nTo see it again: ${replay}\n`);
    process.exitCode = 1;
  }
}
