import { sleep, type Clock } from "../clock.ts";
import { ConflictError } from "../errors.ts";
import type { Lockable } from "../locks/lockable.ts";
import { checkInteger, checkMs, type LockOptions } from "../locks/options.ts";
import type { Committed, Condition, Draft } from "./commit.ts";
import type { RecordHead } from "./head.ts";
import type { WriteOptions } from "./options.ts";
import type { Records } from "./records.ts";

/** Pure. Gets the current value, or null; returns the new one, or null to delete. */
export type Edit<T> = (value: T | null) => T | null;

/** What an update did. */
export interface Updated<T> {
  /** The record as written; null: deleted. */
  readonly record: RecordHead<T> | null;
  /** How often `edit` ran. */
  readonly attempts: number;
  readonly strategy: string;
  /** Time spent waiting, for a lock or before another attempt. */
  readonly waitMs: number;
  /** Time the record's lock was held; 0 without a lock. */
  readonly holdMs: number;
}

/** One record, as a strategy sees it. */
export interface UpdateTarget<T> {
  readonly key: string;
  readonly records: Records<T>;
  readonly clock: Clock;
  /** The lock that all pessimistic updates of this record share. */
  readonly lock: Lockable;
  /** The commit rule: these drafts become the record's next versions, in one step, or none of them does. */
  readonly commit: (drafts: readonly Draft<T>[], condition: Condition) => Promise<Committed<T>>;
}

/**
 * A way to bring an edit to bear. It must end in a conditional write, which alone decides; a strategy is
 * about how to meet few conflicts. Yours is as good as ours.
 */
export type Strategy = <T>(target: UpdateTarget<T>, edit: Edit<T>) => Promise<Updated<T>>;

export interface OptimisticOptions {
  /** Most times that `edit` runs, 1 … 1,000; default 20. */
  readonly attempts?: number;
  /** Most time for all attempts, in ms; default 10,000. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  readonly author?: string;
}

const BACKOFF_MIN_MS = 2;
const BACKOFF_MAX_MS = 200;

/**
 * Read, edit, write if nobody wrote meanwhile; else again with what the refused write brought back, after a
 * random pause that grows (full jitter). Best where records are seldom edited at once.
 * @throws ConflictError after `attempts` or `deadlineMs`
 */
export function optimistic(options: OptimisticOptions = {}): Strategy {
  const attempts = checkInteger(options.attempts ?? 20, "attempts", 1, 1_000);
  const deadlineMs = checkMs(options.deadlineMs ?? 10_000, "deadlineMs", 1, Infinity);
  return async (target, edit) => {
    const { clock, records, key } = target;
    const giveUpAt = clock.now() + deadlineMs;
    let waitMs = 0;
    let current = await records.get(key);
    for (let attempt = 1; ; attempt++) {
      options.signal?.throwIfAborted();
      try {
        const record = await commit(target, edit, current, authored(options.author));
        return { record, attempts: attempt, strategy: "optimistic", waitMs, holdMs: 0 };
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
        const pause = clock.random() * Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** attempt);
        if (attempt === attempts || clock.now() + pause >= giveUpAt) throw error;
        const pausedAt = clock.now();
        await sleep(clock, pause, options.signal);
        waitMs += clock.now() - pausedAt;
        // The conflict says what is there now, but after a pause a fresh look is worth its round trip.
        current = pause < BACKOFF_MAX_MS / 4 ? (error.theirs as typeof current) : await records.get(key);
      }
    }
  };
}

export interface PessimisticOptions extends LockOptions {
  readonly author?: string;
}

/**
 * Takes the record's lock (fair, fenced), then edits once. Best where many edit the same record at once, or
 * where an edit is dear. Writers that do without the lock still cannot be overwritten.
 * @throws LockTimeoutError, LeaseLostError, StaleTokenError
 * @throws ConflictError if somebody wrote without the lock, 5 times in a row
 */
export function pessimistic({ author, ...lockOptions }: PessimisticOptions = {}): Strategy {
  return async (target, edit) => {
    const { clock, records, key, lock } = target;
    const askedAt = clock.now();
    return lock.withLock(async (lease) => {
      const heldAt = clock.now();
      const options = { ...authored(author), fence: lease };
      let current = await records.get(key);
      for (let attempt = 1; ; attempt++) {
        try {
          const record = await commit(target, edit, current, options);
          return {
            record,
            attempts: attempt,
            strategy: "pessimistic",
            waitMs: heldAt - askedAt,
            holdMs: clock.now() - heldAt,
          };
        } catch (error) {
          if (!(error instanceof ConflictError) || attempt === 5) throw error;
          current = error.theirs as typeof current;
        }
      }
    }, lockOptions);
  };
}

const authored = (author: string | undefined): WriteOptions => (author === undefined ? {} : { author });

/** The commit rule. Resolves with the record as written; null: deleted. */
async function commit<T>(
  { key, records }: UpdateTarget<T>,
  edit: Edit<T>,
  current: RecordHead<T> | null,
  options: WriteOptions,
): Promise<RecordHead<T> | null> {
  const value = edit(current?.value ?? null);
  const conditional = { ...options, ifRevision: current?.revision ?? null };
  if (value !== null) return records.put(key, value, conditional);
  if (current !== null) await records.delete(key, conditional);
  return null;
}
