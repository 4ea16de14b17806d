import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Cell } from "./cell.ts";
import { hire, type Crew } from "./crew.ts";
import { contestant, type ContestantName } from "./lockers/contestants.ts";
import { busyMs } from "./machine.ts";
import type { Sample } from "./results.ts";
import type { Servers } from "./servers.ts";
import { now, within } from "./stopwatch.ts";

export interface Contest {
  readonly cells: readonly Cell[];
  /** Instead of each cell's own. */
  readonly contestants: readonly ContestantName[] | undefined;
  readonly rounds: number;
  readonly quick: boolean;
  readonly profile: string | undefined;
  readonly servers: Servers;
  readonly directory: string;
  onProgress(progress: Progress): void;
}

export interface Progress {
  readonly round: number;
  readonly done: number;
  readonly of: number;
  readonly cell: Cell;
  readonly contestant: ContestantName;
}

interface Job {
  readonly cell: Cell;
  readonly contestant: ContestantName;
  readonly round: number;
}

const DEFAULT_TTL_MS = 30_000;
/** Of any one measurement, its processes' start included. */
const MEASUREMENT_MAX_MS = 30_000;
/** A measurement during which others used more than this of a core is done again, once … */
export const FOREIGN_CORES_MAX = 0.25;
/** … but not more than so many in a run, which has to end on a busy machine, too. */
const REPEATS_MAX = 10;
/** Peers at their defaults are slow to measure. */
const ROUNDS_AT_DEFAULTS = 1;

/** Measures everything, in fresh processes, one after the other; contestants of a cell in random order. */
export async function hold(contest: Contest): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  let directories = 0;
  let repeats = contest.quick ? 0 : REPEATS_MAX;
  for (let round = 1; round <= contest.rounds; round++) {
    const jobs = shuffled(contest.cells).flatMap((cell) => shuffled(entrants(contest, cell, round)));
    for (const [done, job] of jobs.entries()) {
      contest.onProgress({ ...job, done, of: jobs.length });
      const attempt = () => measure(contest, job, join(contest.directory, `${++directories}`));
      let sample = await attempt();
      if (sample.foreignCores > FOREIGN_CORES_MAX && repeats-- > 0) {
        const again = await attempt();
        if (again.foreignCores < sample.foreignCores) sample = again;
      }
      samples.push(sample);
    }
  }
  return samples;
}

function entrants({ contestants, quick }: Contest, cell: Cell, round: number): readonly Job[] {
  if (cell.once && round > 1) return [];
  const names = contestants ?? cell.contestants.filter((name) => takesPart(name, round, quick));
  return names.map((name) => ({ cell, contestant: name, round }));
}

function takesPart(name: ContestantName, round: number, quick: boolean): boolean {
  const { role, variant } = contestant(name);
  if (role !== "peer" || variant !== "default") return true;
  return !quick && round <= ROUNDS_AT_DEFAULTS;
}

async function measure(contest: Contest, job: Job, directory: string): Promise<Sample> {
  const { servers, quick, profile } = contest;
  const { cell, contestant, round } = job;
  mkdirSync(directory);
  await servers.flush();
  const setup = {
    cell: cell.id,
    contestant,
    ...servers.addresses,
    directory,
    ttlMs: cell.ttlMs ?? DEFAULT_TTL_MS,
    quick,
  };
  const begin = { at: now(), all: busyMs(), servers: servers.busyMs(), self: selfBusyMs() };
  let workersMs = 0;
  let crew: Crew<never> | undefined;
  let outcome: Pick<Sample, "numbers" | "error">;
  try {
    crew = await hire({ processes: cell.processes, setup, profile });
    const numbers = cell.measure(crew.workers, { ...setup, settle: () => servers.settle() });
    outcome = { numbers: await within(MEASUREMENT_MAX_MS, "the measurement", numbers) };
  } catch (error) {
    outcome = { error: error instanceof Error ? error.message : String(error) };
  }
  workersMs = (await crew?.dismiss()) ?? 0;
  const own = servers.busyMs() - begin.servers + (selfBusyMs() - begin.self) + workersMs;
  const foreignCores = (busyMs() - begin.all - own) / (now() - begin.at);
  rmSync(directory, { recursive: true, force: true });
  return { cell: cell.id, contestant, round, ...outcome, foreignCores };
}

function selfBusyMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function shuffled<T>(items: readonly T[]): readonly T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
