import type { Locker } from "./lockers/locker.ts";
import { now, sleep } from "./stopwatch.ts";

export interface Contention {
  readonly callers: number;
  /** Moments of the machine's monotonic clock. */
  readonly start: number;
  readonly until: number;
  /** Which lock a caller takes next. */
  name(): string;
  /** What a caller does while it holds the lock; nothing, if left out. */
  readonly stay?: () => Promise<void> | undefined;
  /** What a caller does between two locks; nothing, if left out. */
  readonly pause?: () => Promise<void>;
}

export interface ContentionLog {
  /** How often each caller was served. */
  readonly served: readonly number[];
  /** Request to grant, ms; with the waits that were still open at the end, or who starves would not show. */
  readonly waits: Float64Array;
  /** Pairs of moments: entered, left. */
  readonly stays: Float64Array;
}

/** Callers that take and give back locks without pause until the end. */
export async function contend(locker: Locker, contention: Contention): Promise<ContentionLog> {
  const { callers, start, until, name, stay, pause } = contention;
  const served = new Array<number>(callers).fill(0);
  const asked = new Array<number>(callers).fill(Number.NaN);
  const waits: number[] = [];
  const stays: number[] = [];

  const call = async (caller: number): Promise<void> => {
    for (let moment = now(); moment < until; moment = now()) {
      asked[caller] = moment;
      const unlock = await locker.lock(name());
      const entered = now();
      // Too late to count as served; the wait is counted as open below.
      if (entered >= until) return void unlock();
      asked[caller] = Number.NaN;
      waits.push(entered - moment);
      served[caller]!++;
      const staying = stay?.();
      if (staying) await staying;
      stays.push(entered, now());
      await unlock();
      if (pause) await pause();
    }
  };

  await sleep(start - now());
  const calls = Promise.all(served.map((_, caller) => call(caller)));
  await Promise.race([calls, sleep(until - now())]);
  for (const moment of asked) if (!Number.isNaN(moment)) waits.push(until - moment);
  return { served, waits: Float64Array.from(waits), stays: Float64Array.from(stays) };
}

/** Every so many stays last a turn of the event loop. */
const LONG_STAY_EVERY = 64;

/**
 * Mostly no time at all, so that the lock is what is measured; now and then a turn of the event loop, while
 * everybody else presses to get in: without that, two holders would hardly ever be caught inside together.
 */
export function mostlyShortStays(): () => Promise<void> | undefined {
  let count = 0;
  return () => (++count % LONG_STAY_EVERY === 0 ? turn() : undefined);
}

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
