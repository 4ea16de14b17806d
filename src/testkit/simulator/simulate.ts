import type { Backend } from "../../backend.ts";
import { systemClock } from "../../clock.ts";
import { inLanes } from "../lanes.ts";
import { Participant } from "../participant.ts";
import { PROCESSES, type Program } from "./program.ts";
import { checkPushes } from "./pushes.ts";
import { runProgram } from "./run-program.ts";
import { programOf } from "./traffic.ts";

/** A store whose clock the simulator owns. */
export interface SimulatedStore {
  /** One more process on the store: a new backend, not yet opened. */
  backend(): Backend | Promise<Backend>;
  close(): void | Promise<void>;
}

export interface SimulationOptions {
  /** Opens a store that takes its time, ms since 1970, from `wall`. It need not be empty. */
  readonly open: (wall: () => number) => SimulatedStore | Promise<SimulatedStore>;
  readonly seeds: Iterable<number>;
}

export interface SimulationSummary {
  readonly programs: number;
  readonly steps: number;
  readonly pushes: number;
}

/**
 * Runs the programs of these seeds on a store: what several processes do to it, with crashes, pauses, lost
 * replies, late duplicates and pushes that nobody hears, on a clock of the simulator's own. Every answer must
 * be the one that the contract demands, and every push must arrive.
 *
 * @throws SimulationFailure at the first broken promise, with the seed that shows it again.
 */
export async function simulate({ open, seeds }: SimulationOptions): Promise<SimulationSummary> {
  let now = 0;
  const store = await open(() => now);
  const namespace = `sim-${systemClock.id()}`;
  const processes: Participant[] = [];
  const programs: Program[] = [];
  try {
    for (const process of PROCESSES) {
      const participant = new Participant(inLanes(await store.backend()), { namespace, ...process });
      processes.push(participant);
      await participant.open();
    }
    for (const seed of seeds) {
      const program = programOf(seed, processes[0]!.backend.guarantees);
      programs.push(program);
      await runProgram(program, processes, (ms) => (now = ms));
    }
    await checkPushes(programs, processes);
  } finally {
    await Promise.all(processes.map(({ backend }) => backend.close()));
    await store.close();
  }
  return {
    programs: programs.length,
    steps: programs.reduce((sum, { entries }) => sum + entries.length, 0),
    pushes: programs.reduce((sum, { pushes }) => sum + pushes.length, 0),
  };
}
