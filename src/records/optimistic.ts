import { sleep } from "../clock.ts";
import { ConflictError } from "../errors.ts";
import { checkInteger, checkMs, checkSignal } from "../locks/options.ts";
import { differingFields } from "./fields.ts";
import type { RecordHead } from "./head.ts";
import { firstOf, versionOptions, type Strategy, type VersionOptions } from "./strategies.ts";

export interface OptimisticOptions extends VersionOptions {
  /** Most times that `edit` runs, 1 … 1,000; default 20. */
  readonly attempts?: number;
  /** Most time for all attempts, in ms; default 10,000. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

const BACKOFF_MIN_MS = 2;
const BACKOFF_MAX_MS = 200;
/** After a longer pause a fresh look is worth its round trip. */
const FRESH_MS = 50;

/**
 * Read, edit, write if nobody wrote meanwhile; else again with what the refused write brought back, after a
 * random pause that grows (full jitter). Best where records are seldom edited at once.
 * @throws ConflictError after `attempts` or `deadlineMs`
 */
export function optimistic(options: OptimisticOptions = {}): Strategy {
  const attempts = checkInteger(options.attempts ?? 20, "attempts", 1, 1_000);
  const deadlineMs = checkMs(options.deadlineMs ?? 10_000, "deadlineMs", 1, Infinity);
  const signal = checkSignal(options.signal);
  const about = versionOptions(options);
  return async (target, edit) => {
    const { clock, key, records } = target;
    const giveUpAt = clock.now() + deadlineMs;
    let waitMs = 0;
    let current = await records.get(key);
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      const base = current?.revision ?? null;
      const mine = edit(current?.value ?? null);
      const committed = await target.commit([{ ...about, value: mine }], { ifRevision: base });
      if (committed.kind !== "conflict") {
        const record = firstOf(committed);
        return { record, attempts: attempt, strategy: "optimistic", waitMs, holdMs: 0, combined: 1 };
      }
      const theirs = committed.current;
      const pause = clock.random() * Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** attempt);
      if (attempt === attempts || clock.now() + pause >= giveUpAt) {
        throw conflict(key, base, mine, theirs);
      }
      const pausedAt = clock.now();
      await sleep(clock, pause, signal);
      waitMs += clock.now() - pausedAt;
      current = pause < FRESH_MS ? theirs : await records.get(key);
    }
  };
}

/** What a refused write is told as. */
export function conflict<T>(
  key: string,
  base: string | null,
  mine: T | null,
  theirs: RecordHead<T> | null,
): ConflictError<T> {
  return new ConflictError<T>(key, base, mine, theirs, differingFields(mine, theirs?.value ?? null));
}
