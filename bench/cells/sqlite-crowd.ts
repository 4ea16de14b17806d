import type { Cell, Setup } from "../cell.ts";
import { contend, mostlyShortStays, turn, type ContentionLog } from "../contention.ts";
import { judgeExclusion } from "../exclusion.ts";
import { openLocker } from "../lockers/contestants.ts";
import { startStallMeter, type StallLog } from "../stall-meter.ts";
import { quantile, sum } from "../statistics.ts";
import { now } from "../stopwatch.ts";

const PROCESSES = 16;
const RUN_MS = 2_000;
/** Time for all processes to be ready for the common start. */
const LEAD_MS = 200;

type Task = { start: number; until: number };
type Crowd = { contend(task: Task): Promise<{ log: ContentionLog; stalls: StallLog }> };

/** Many processes press on one file: for the same lock, or for locks that have only the file in common. */
function sqliteCrowd(id: string, title: string, keys: number): Cell<Crowd> {
  return {
    id,
    title,
    better: "more",
    processes: PROCESSES,
    contestants: ["raw SQLite", "holdfast SQLite"],
    async workload(setup: Setup) {
      const locker = await openLocker(setup.contestant, setup);
      return {
        async contend(task) {
          const name = () => `crowd:${Math.floor(Math.random() * keys)}`;
          const stay = mostlyShortStays();
          const meter = startStallMeter();
          // The raw floor never yields by itself; everybody gets a turn of the event loop in between.
          const log = await contend(locker, { ...task, callers: 1, name, stay, pause: turn });
          return { log, stalls: meter.stop() };
        },
      };
    },
    async measure(workers, { quick }) {
      const start = now() + LEAD_MS;
      const until = start + (quick ? RUN_MS * 0.6 : RUN_MS);
      const results = await Promise.all(workers.map((worker) => worker.contend({ start, until })));
      const served = results.map(({ log }) => log.served[0]!);
      const waits = results.flatMap(({ log }) => [...log.waits]);
      const late = results.flatMap(({ stalls }) => [...stalls.late]);
      const blocked = results.flatMap(({ stalls }) => [...stalls.blocked]);
      const oneLock = keys === 1 ? judgeExclusion(results.map(({ log }) => log.stays)) : undefined;
      return {
        "acq/s": (1_000 * sum(served)) / (until - start),
        "wait p50 ms": quantile(waits, 0.5),
        "wait p99 ms": quantile(waits, 0.99),
        "least share": (Math.min(...served) * PROCESSES) / sum(served),
        "loop blocked p99.9 ms": quantile(blocked, 0.999),
        "loop late p99.9 ms": quantile(late, 0.999),
        ...(oneLock ? { overlaps: oneLock.overlaps } : {}),
      };
    },
  };
}

export const sqliteCrowdOneKey = sqliteCrowd("4d", "SQLite: 16 processes, one key", 1);
export const sqliteCrowdManyKeys = sqliteCrowd("4e", "SQLite: 16 processes, 100 keys", 100);
