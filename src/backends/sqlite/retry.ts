import type { Clock } from "../../clock.ts";
import type { BackendError } from "../../errors.ts";
import { failure, isBusy } from "./failure.ts";

/** Delays before the next attempt start around here … */
const FIRST_MS = 4;
/** … and have come down to this, the shortest that timers keep, … */
const LAST_MS = 1;
/** … when the request is this old. */
const AGED_MS = 20;

/**
 * How long to wait when another process has the write lock. The older the request, the sooner it asks again:
 * doubling delays would starve whoever was unlucky twice. The jitter keeps processes out of step.
 */
export function retryDelay(clock: Clock, ageMs: number): number {
  const youth = Math.max(0, 1 - ageMs / AGED_MS);
  return (LAST_MS + (FIRST_MS - LAST_MS) * youth) * (0.5 + clock.random());
}

/** Tries until the database is not busy, for `busyMs` at most; every failure is a `BackendError`. */
export async function untilFree<T>(
  clock: Clock,
  busyMs: number,
  operation: string,
  attempt: () => T,
): Promise<T> {
  const began = clock.now();
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      const age = clock.now() - began;
      if (!isBusy(error)) throw failure(operation, error);
      if (age >= busyMs) throw busyFor(age, operation, error);
      await new Promise<void>((resolve) => {
        clock.timer(retryDelay(clock, age), resolve, { keepAlive: true });
      });
    }
  }
}

export function busyFor(ageMs: number, operation: string, error: unknown): BackendError {
  const cause = new Error(
    `the file stayed locked for ${Math.round(ageMs)} ms; look for a long transaction on it`,
    { cause: error },
  );
  return failure(operation, cause);
}
