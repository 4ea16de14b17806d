import type { Demand } from "./demand.ts";

/** Options of one `lock`, `tryLock` or `withLock`. */
export interface LockOptions {
  /**
   * Longest wait in ms. Default: as long as it takes. 0: do not wait. `lock` and `withLock` then reject with
   * a LockTimeoutError.
   */
  readonly waitMs?: number;
  /**
   * How long the lease lasts without renewal, in ms: how long others wait when this process dies. Renewed by
   * itself while held. 50 … 86,400,000; default: the coordinator's.
   */
  readonly ttlMs?: number;
  /** Gives up waiting when it aborts; the call rejects with its reason, and nothing is held. */
  readonly signal?: AbortSignal;
}

/** Options of one request for semaphore permits. */
export interface PermitOptions extends LockOptions {
  /** How many of the semaphore's permits, 1 … all. Default 1. */
  readonly permits?: number;
}

/**
 * `local`: callers of one process may pass the lock on among themselves, within bounds while other processes
 * wait. `strict`: every caller stands in the store's queue, first come, first served over all processes.
 */
export type Fairness = "local" | "strict";

export interface LockDefaults {
  readonly ttlMs: number;
  readonly fair: Fairness;
}

export const TTL_MIN_MS = 50;
export const TTL_MAX_MS = 86_400_000;
export const NAME_MAX_BYTES = 1_024;

/** A checked name. @throws TypeError, RangeError */
export function checkName(name: unknown, what = "a lock's name"): string {
  return checkText(name, what, 1, NAME_MAX_BYTES);
}

/** Checked text, its length in bytes of UTF-8. @throws TypeError, RangeError */
export function checkText(text: unknown, what: string, min: number, max: number): string {
  if (typeof text !== "string") {
    throw new TypeError(`${what} must be a string, not ${text === null ? "null" : typeof text}`);
  }
  const bytes = Buffer.byteLength(text);
  if (bytes < min || bytes > max) {
    throw new RangeError(
      `${what} must have ${min} to ${max} bytes of UTF-8, but has ${bytes}; hash what is longer`,
    );
  }
  if (/\p{Surrogate}/u.test(text)) {
    throw new TypeError(`${what} must be well-formed text, but has an unpaired surrogate`);
  }
  return text;
}

/** @throws RangeError that names the value, the bounds and what to write. */
export function checkInteger(value: unknown, what: string, min: number, max: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min || value > max) {
    throw new RangeError(`${what} must be a whole number from ${min} to ${max}, not ${String(value)}`);
  }
  return value;
}

export function checkMs(value: unknown, what: string, min: number, max: number): number {
  if (typeof value !== "number" || Number.isNaN(value) || value < min || value > max) {
    throw new RangeError(`${what} must be a number of ms from ${min} to ${max}, not ${String(value)}`);
  }
  return value;
}

export function checkTtl(ttlMs: unknown): number {
  return checkMs(ttlMs, "ttlMs", TTL_MIN_MS, TTL_MAX_MS);
}

export function checkSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw new TypeError("signal must be an AbortSignal, for instance AbortSignal.timeout(500)");
}

/** All of a request's numbers, checked before any I/O. */
export function demand(
  subject: { readonly permits: number; readonly capacity: number },
  options: LockOptions,
  defaults: LockDefaults,
  wait: boolean,
): Demand {
  const waitMs = options.waitMs === undefined ? Infinity : checkMs(options.waitMs, "waitMs", 0, Infinity);
  return {
    permits: subject.permits,
    capacity: subject.capacity,
    ttlMs: options.ttlMs === undefined ? defaults.ttlMs : checkTtl(options.ttlMs),
    waitMs,
    wait: wait && waitMs > 0,
    strict: defaults.fair === "strict",
    steal: false,
    signal: checkSignal(options.signal),
  };
}
