import type { Cell, Numbers, Setup } from "../cell.ts";
import { contend, mostlyShortStays, type ContentionLog } from "../contention.ts";
import { judgeExclusion } from "../exclusion.ts";
import { openLocker, peers, peersOn, type ContestantName } from "../lockers/contestants.ts";
import { mostOverLeast, quantile, sum } from "../statistics.ts";
import { now } from "../stopwatch.ts";

/** Time for all processes to be ready for the common start. */
const LEAD_MS = 100;

interface Task {
  readonly callers: number;
  readonly start: number;
  readonly until: number;
  /** Whether some stays are made long, to catch two holders from different processes. */
  readonly probing: boolean;
}

type Crowd = { contend(task: Task): Promise<ContentionLog> };

async function workload(setup: Setup): Promise<Crowd> {
  const locker = await openLocker(setup.contestant, setup);
  return {
    async contend({ probing, ...task }) {
      await (await locker.lock(`warm-up:${setup.index}`))();
      const stay = probing ? { stay: mostlyShortStays() } : {};
      return contend(locker, { ...task, name: () => "one-key", ...stay });
    },
  };
}

/** Everybody wants the same lock, all the time. */
function oneKey(
  id: string,
  title: string,
  shape: { processes: number; callers: number; ms: number },
  contestants: readonly ContestantName[],
): Cell<Crowd> {
  const { processes, callers } = shape;
  return {
    id,
    title,
    better: "more",
    processes,
    contestants,
    workload,
    async measure(workers, { quick }) {
      const start = now() + LEAD_MS;
      const until = start + (quick ? shape.ms * 0.6 : shape.ms);
      const logs = await Promise.all(
        workers.map((worker) => worker.contend({ callers, start, until, probing: processes > 1 })),
      );
      return judge(logs, until - start);
    },
  };
}

function judge(logs: readonly ContentionLog[], ms: number): Numbers {
  const served = logs.flatMap((log) => [...log.served]);
  const waits = Float64Array.from(logs.flatMap((log) => [...log.waits]));
  return {
    "acq/s": (1_000 * sum(served)) / ms,
    "wait p50 ms": quantile(waits, 0.5),
    "wait p99 ms": quantile(waits, 0.99),
    "wait max ms": quantile(waits, 1),
    "most/least": mostOverLeast(served),
    starved: served.filter((count) => count === 0).length,
    ...(logs.length > 1 ? acrossProcesses(logs, ms) : {}),
  };
}

function acrossProcesses(logs: readonly ContentionLog[], ms: number): Numbers {
  const { overlaps, processChanges } = judgeExclusion(logs.map(({ stays }) => stays));
  return { "process changes/s": (1_000 * processChanges) / ms, overlaps };
}

export const oneKeyOneProcess = oneKey(
  "2c",
  "Redis: one key, 128 callers in one process",
  { processes: 1, callers: 128, ms: 1_500 },
  ["holdfast", ...peers],
);

export const oneKeyManyProcesses = oneKey(
  "2d",
  "Redis: one key, 4 processes × 8 callers",
  { processes: 4, callers: 8, ms: 1_500 },
  ["holdfast", "holdfast strict", ...peers],
);

export const oneKeyOnPostgres = oneKey(
  "pc",
  "PostgreSQL: one key, 128 callers in one process",
  { processes: 1, callers: 128, ms: 1_500 },
  ["holdfast PostgreSQL", ...peersOn("PostgreSQL")],
);

export const oneKeyInMemory = oneKey(
  "5c",
  "memory: one key, 128 callers",
  { processes: 1, callers: 128, ms: 600 },
  ["async-mutex", "holdfast memory"],
);
