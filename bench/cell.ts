import type { ContestantName } from "./lockers/contestants.ts";
import type { Addresses } from "./servers.ts";

/**
 * A cell of the benchmark: one workload, measured for one contestant at a time in fresh processes. Its
 * number is the one the same workload has in the first measurements of peers and prototypes (2 Redis, 4 SQL,
 * 5 inside one process; p PostgreSQL, m MariaDB), so that the tables can be laid side by side.
 */
export interface Cell<W extends Workload = Workload> {
  readonly id: string;
  readonly title: string;
  /** How many worker processes take part. A single one is pinned to a core of its own. */
  readonly processes: number;
  readonly contestants: readonly ContestantName[];
  /** Which end of the first column is the good one. */
  readonly better: "more" | "less";
  /** Counts things instead of timing them: measured in the first round only. */
  readonly once?: boolean;
  /** Lease length for every contestant. */
  readonly ttlMs?: number;
  /** Runs in each worker: opens what it needs and gives the tasks that `measure` can ask for. */
  workload(setup: Setup): Promise<W>;
  /** Runs in the main process, drives the workers, and gives the measured numbers by column heading. */
  measure(workers: readonly Remote<W>[], scene: Scene): Promise<Numbers>;
}

/** By column heading, in the order of the columns. Infinity and NaN are shown as such. */
export type Numbers = Readonly<Record<string, number>>;

/** What a worker is told at its start. */
export interface Setup extends Addresses {
  readonly cell: string;
  readonly contestant: ContestantName;
  /** 0 … processes − 1. */
  readonly index: number;
  /** An empty directory, the same for all workers of one measurement. */
  readonly directory: string;
  readonly ttlMs: number;
  readonly quick: boolean;
}

/** What the measuring side knows besides its workers. */
export interface Scene extends Addresses {
  readonly contestant: ContestantName;
  readonly directory: string;
  readonly quick: boolean;
  /** Resolves when Redis has read all that was sent to it before, over whatever connection. */
  settle(): Promise<void>;
}

export type Workload = Readonly<Record<string, (argument: never) => Promise<unknown>>>;

/** The tasks of a workload as seen from the main process: arguments and results are copied. */
export type Remote<W extends Workload> = {
  readonly [T in keyof W]: (
    ...argument: Parameters<W[T]>
  ) => Promise<Awaited<ReturnType<W[T]>>>;
};
