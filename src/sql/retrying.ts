import { sleep, systemClock, type Clock } from "../clock.ts";
import { BackendError, HoldfastError } from "../errors.ts";
import { isAnswered, isConnectionLost, isRolledBackForOthers } from "./fault.ts";

/** One run of the transaction. */
export interface Attempt {
  /** 1 for the first. */
  readonly number: number;
  /**
   * Marks the work between BEGIN and COMMIT. An error before its end is certain to come before the COMMIT, an
   * error after it certain to come from there. Without it no lost connection is certain.
   */
  body<A extends unknown[], T>(work: (...args: A) => Promise<T>): (...args: A) => Promise<T>;
}

export interface RetryOptions {
  /** Most times that the transaction runs, 1 … 1,000; default 10. */
  readonly attempts?: number;
  /** No attempt starts later than this, in ms; default 10,000. */
  readonly deadlineMs?: number;
  /** Ends the wait before another attempt; the call rejects with its reason. */
  readonly signal?: AbortSignal;
}

const BACKOFF_MIN_MS = 2;
const BACKOFF_MAX_MS = 500;

/**
 * Runs one whole transaction, BEGIN to COMMIT and nothing after, and again for as long as the database rolls
 * it back because of others: serialization failure (40001), deadlock (40P01, 1213), lock wait timeout (1205),
 * snapshot too old (1020), P2034 of Prisma; each time after a random pause that grows (full jitter).
 * Everything else is the caller's and rejects unchanged. A transaction that may have been committed is never
 * run again.
 *
 * @throws BackendError "unknown" if the connection was lost when the COMMIT may have been under way: see what
 * is there; "not-applied" if it was lost before, or after `attempts` or `deadlineMs`
 * @throws RangeError on bad options
 */
export function retrying<T>(
  transaction: (attempt: Attempt) => Promise<T>,
  options: RetryOptions = {},
): Promise<T> {
  return retryingBy(systemClock, transaction, options);
}

export async function retryingBy<T>(
  clock: Clock,
  transaction: (attempt: Attempt) => Promise<T>,
  { attempts = 10, deadlineMs = 10_000, signal }: RetryOptions,
): Promise<T> {
  if (!Number.isSafeInteger(attempts) || attempts < 1 || attempts > 1_000) {
    throw new RangeError(`attempts must be a whole number from 1 to 1000, not ${String(attempts)}`);
  }
  if (!(typeof deadlineMs === "number" && deadlineMs > 0)) {
    throw new RangeError(`deadlineMs must be a number of ms above 0, not ${String(deadlineMs)}`);
  }
  const giveUpAt = clock.now() + deadlineMs;
  for (let number = 1; ; number += 1) {
    signal?.throwIfAborted();
    const progress = { isMarked: false, isDone: false };
    try {
      return await transaction({ number, body: (work) => marking(progress, work) });
    } catch (error) {
      if (!isRolledBackForOthers(error)) throw settled(error, progress);
      const pause = clock.random() * Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** number);
      if (number === attempts || clock.now() + pause >= giveUpAt) {
        throw failure("not-applied", error, `gave up after ${number} attempts`);
      }
      await sleep(clock, pause, signal);
    }
  }
}

interface Progress {
  isMarked: boolean;
  /** The work is done, so that a COMMIT may be under way. */
  isDone: boolean;
}

function marking<A extends unknown[], T>(
  progress: Progress,
  work: (...args: A) => Promise<T>,
): (...args: A) => Promise<T> {
  progress.isMarked = true;
  return async (...args) => {
    const result = await work(...args);
    progress.isDone = true;
    return result;
  };
}

/** What is certain about a transaction that ended with this error. */
function settled(error: unknown, { isMarked, isDone }: Progress): unknown {
  if (error instanceof HoldfastError) return error;
  if (isDone) return isAnswered(error) ? error : failure("unknown", error, "COMMIT was not answered");
  if (!isConnectionLost(error)) return error;
  return isMarked
    ? failure("not-applied", error, "the connection was lost before the COMMIT")
    : failure("unknown", error, "the connection was lost, perhaps during the COMMIT");
}

function failure(outcome: "not-applied" | "unknown", cause: unknown, what: string): BackendError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new BackendError("sql", "transaction", outcome, { cause, detail: `${what}: ${reason}` });
}
