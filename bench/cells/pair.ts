import type { Cell, Setup } from "../cell.ts";
import {
  atDefaults,
  openLocker,
  peersAtDefaults,
  peersOn,
  type ContestantName,
} from "../lockers/contestants.ts";
import type { Locker } from "../lockers/locker.ts";
import { quantile } from "../statistics.ts";
import { now } from "../stopwatch.ts";

/** Enough for the compiler to have optimized all that is used … */
const WARM_UP_CYCLES = 6_000;
/** … within bounds. */
const WARM_UP_MS = 2_000;
const KEYS = 100;

interface Cycles {
  readonly acquire: Float64Array;
  readonly release: Float64Array;
}

type Pair = { cycles(budgetMs: number): Promise<Cycles> };

/** Acquire and release, one after the other, nobody else there. */
function pair(id: string, title: string, contestants: readonly ContestantName[]): Cell<Pair> {
  return {
    id,
    title,
    better: "less",
    processes: 1,
    contestants,
    workload,
    async measure([worker], { quick }) {
      const { acquire, release } = await worker!.cycles(quick ? 500 : 1_000);
      const cycle = acquire.map((ms, i) => ms + release[i]!);
      return {
        "acquire p50 ms": quantile(acquire, 0.5),
        "release p50 ms": quantile(release, 0.5),
        "cycle p50 ms": quantile(cycle, 0.5),
        "cycle p99 ms": quantile(cycle, 0.99),
      };
    },
  };
}

export const pairOnRedis = pair("2a", "Redis: acquire + release, uncontended", [
  ...(["raw SET NX", "holdfast"] as const),
  ...peersAtDefaults,
]);

export const pairOnPostgres = pair("pa", "PostgreSQL: acquire + release, uncontended", [
  ...(["raw lease", "raw advisory", "holdfast PostgreSQL"] as const),
  ...(["raw lease unlogged", "raw lease async", "holdfast PostgreSQL relaxed"] as const),
  ...atDefaults(peersOn("PostgreSQL")),
]);

export const pairOnMariaDb = pair("ma", "MariaDB: acquire + release, uncontended", [
  ...(["raw lease MariaDB", "raw GET_LOCK", "holdfast MariaDB"] as const),
  ...atDefaults(peersOn("MariaDB")),
]);

export const pairOnSqlite: Cell<Pair> = {
  id: "4a",
  title: "SQLite: acquire + release, uncontended",
  better: "more",
  processes: 1,
  contestants: ["raw SQLite", "holdfast SQLite"],
  workload,
  async measure([worker], { quick }) {
    return rates(await worker!.cycles(quick ? 400 : 800));
  },
};

export const pairInMemory: Cell<Pair> = {
  id: "5a",
  title: "memory: acquire + release, uncontended",
  better: "more",
  processes: 1,
  contestants: ["async-mutex", "holdfast memory"],
  workload,
  async measure([worker], { quick }) {
    return rates(await worker!.cycles(quick ? 300 : 600));
  },
};

function rates({ acquire, release }: Cycles) {
  const cycle = acquire.map((ms, i) => ms + release[i]!);
  const total = cycle.reduce((sum, ms) => sum + ms, 0);
  return {
    "cycles/s": (1_000 * cycle.length) / total,
    "cycle p50 ms": quantile(cycle, 0.5),
    "cycle p99 ms": quantile(cycle, 0.99),
  };
}

async function workload(setup: Setup): Promise<Pair> {
  const locker = await openLocker(setup.contestant, setup);
  return {
    async cycles(budgetMs) {
      await timeCycles(locker, now() + WARM_UP_MS, WARM_UP_CYCLES);
      return timeCycles(locker, now() + budgetMs);
    },
  };
}

async function timeCycles(locker: Locker, until: number, atMost = Infinity): Promise<Cycles> {
  const acquire: number[] = [];
  const release: number[] = [];
  let moment = now();
  while (moment < until && acquire.length < atMost) {
    const unlock = await locker.lock(`pair:${acquire.length % KEYS}`);
    const entered = now();
    await unlock();
    const left = now();
    acquire.push(entered - moment);
    release.push(left - entered);
    moment = left;
  }
  return { acquire: Float64Array.from(acquire), release: Float64Array.from(release) };
}
