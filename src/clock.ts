import { randomInt, randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";

/** Cancels a timer; harmless when it has fired or was cancelled before. */
export type Cancel = () => void;

/**
 * Time, chance and identity: the only way to them in the library, so that a simulator can own all three.
 */
export interface Clock {
  /** Monotonic milliseconds, with fractions. Says nothing about the date. */
  now(): number;
  /** Wall clock, whole milliseconds since 1970. May jump. */
  wall(): number;
  /**
   * Calls `fire` once, not before `ms` have passed. `keepAlive: false` lets the process end meanwhile: for
   * maintenance that nobody awaits.
   */
  timer(ms: number, fire: () => void, options: { readonly keepAlive: boolean }): Cancel;
  /** Calls `fire` after pending I/O has had its turn. */
  yield(fire: () => void): void;
  /** Uniform in [0, 1). For jitter, not for secrets. */
  random(): number;
  /** A new identity, 20 characters or fewer, unique over processes and machines. */
  id(): string;
}

/** Longest delay that Node's timers take. */
const TIMER_MAX_MS = 2_147_483_647;

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  timer(ms, fire, { keepAlive }) {
    const timeout = setTimeout(fire, Math.min(Math.max(ms, 0), TIMER_MAX_MS));
    if (!keepAlive) timeout.unref();
    return () => clearTimeout(timeout);
  },
  yield: (fire) => void setImmediate(fire),
  random: () => randomInt(0x1_0000_0000) / 0x1_0000_0000,
  id: () => Buffer.from(randomUUID().replaceAll("-", ""), "hex").toString("base64url").slice(0, 20),
};

/** Resolves after `ms`; rejects with the signal's reason as soon as it aborts. Keeps the process alive. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.timer(
      ms,
      () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      },
      { keepAlive: true },
    );
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
