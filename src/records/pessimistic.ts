import type { LockOptions } from "../locks/options.ts";
import { conflict } from "./optimistic.ts";
import { firstOf, versionOptions, type Strategy, type VersionOptions } from "./strategies.ts";

export interface PessimisticOptions extends LockOptions, VersionOptions {}

/** Each refusal means that somebody wrote without the lock, so this many in a row are unlikely. */
const ATTEMPTS = 50;

/**
 * Takes the record's lock (fair, fenced), then edits once. Best where many edit the same record at once, or
 * where an edit is dear. Writers that do without the lock still cannot be overwritten.
 * @throws LockTimeoutError, LeaseLostError, StaleTokenError
 * @throws ConflictError if somebody wrote without the lock, 50 times in a row
 */
export function pessimistic(options: PessimisticOptions = {}): Strategy {
  const about = versionOptions(options);
  return async (target, edit) => {
    const { clock, key, lock, records } = target;
    const askedAt = clock.now();
    return lock.withLock(async (lease) => {
      const heldAt = clock.now();
      let current = await records.get(key);
      for (let attempt = 1; ; attempt++) {
        const base = current?.revision ?? null;
        const mine = edit(current?.value ?? null);
        const condition = { ifRevision: base, fence: lease };
        const committed = await target.commit([{ ...about, value: mine }], condition);
        if (committed.kind !== "conflict") {
          const record = firstOf(committed);
          const [waitMs, holdMs] = [heldAt - askedAt, clock.now() - heldAt];
          return { record, attempts: attempt, strategy: "pessimistic", waitMs, holdMs, combined: 1 };
        }
        if (attempt === ATTEMPTS) throw conflict(key, base, mine, committed.current);
        current = committed.current;
      }
    }, options);
  };
}
