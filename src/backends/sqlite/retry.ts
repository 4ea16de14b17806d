import type { Clock } from "../../clock.ts";
import type { BackendError } from "../../errors.ts";
import { failure, isBusy } from "./failure.ts";

/** Attempts without an order among the processes come apart to this … */
const APART_MS = 10;
/** … and close up again when the request is this old. */
const AGED_MS = 200;

/** What the first in line waits before it tries without having been woken … */
const HEAD_MS = 5;
/** … and how much longer each one behind it. */
const PLACE_MS = 20;
const STANDING_MAX_MS = 250;
/** Whoever has stood this long tries four times as often. */
const PATIENT_MS = 2_000;

/**
 * How long to wait when another process has the write lock. The older the request, the sooner it
 * asks again: doubling delays would starve whoever was unlucky twice. The jitter keeps processes
 * out of step.
 */
export function retryDelay(clock: Clock, refusals: number, ageMs: number): number {
  const apart = Math.min(refusals, APART_MS) * (1 - ageMs / AGED_MS);
  return Math.max(1, apart) * jitter(clock);
}

/**
 * The same for a process that stands in line, where it is woken in its turn: only in case that goes
 * wrong.
 */
export function standingDelay(clock: Clock, ahead: number, ageMs: number): number {
  const ms = Math.min(HEAD_MS + PLACE_MS * ahead, STANDING_MAX_MS);
  return ms * Math.max(0.25, 1 - ageMs / PATIENT_MS) * jitter(clock);
}

const jitter = (clock: Clock): number => 0.5 + clock.random();

/**
 * Tries until the database is not busy, for `busyMs` at most; every failure is a `BackendError`.
 */
export async function untilFree<T>(
  clock: Clock,
  busyMs: number,
  operation: string,
  attempt: () => T,
): Promise<T> {
  const began = clock.now();
  for (let refusals = 1; ; refusals += 1) {
    try {
      return attempt();
    } catch (error) {
      const age = clock.now() - began;
      if (!isBusy(error)) throw failure(operation, error);
      if (age >= busyMs) throw busyFor(age, operation, error);
      await new Promise<void>((resolve) => {
        clock.timer(retryDelay(clock, refusals, age), resolve, { keepAlive: true });
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
