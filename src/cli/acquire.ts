import {
  on,
  LockTimeoutError,
  type Coordinator,
  type Lease,
  type Lockable,
  type PermitOptions,
} from "../index.ts";
import { durationText } from "./duration.ts";
import { checked } from "./failure.ts";
import type { Plan } from "./run-options.ts";
import { remark } from "./terminal.ts";

export interface Acquired {
  readonly lease: Lease;
  /** When the lease runs out unless it is renewed, by this machine's wall clock. Never late. */
  readonly expiresAt: Date;
}

/**
 * Until its first renewal, a lease that was handed over lasts this long. The library's default,
 * said here because {@link Acquired.expiresAt} depends on it.
 */
export const CLAIM_MS = 2_000;

/** Null: not within the time that the plan allows. */
export async function acquire(
  hf: Coordinator,
  name: string,
  plan: Plan,
  signal: AbortSignal,
): Promise<Acquired | null> {
  const { kind, ttlMs, verbose, waitMs } = plan;
  const askedAt = Date.now();
  let waited = false;
  const stopListening = on("lock.waiting", () => {
    if (verbose && !waited) remark(`waiting for "${name}"`);
    waited = true;
  });
  try {
    const lease = await checked(() => {
      const permits = typeof kind === "object" ? { permits: kind.permits } : {};
      const wait = waitMs === undefined ? {} : { waitMs };
      return lockOf(hf, name, kind).lock({ signal, ...permits, ...wait });
    }, "Lock it the same way everywhere; a program's mutex of that name is --permits 1/1.");
    const now = Date.now();
    if (verbose) remark(`got "${name}" after ${durationText(now - askedAt)}, token ${lease.token}`);
    return {
      lease,
      expiresAt: new Date(waited ? now + Math.min(CLAIM_MS, ttlMs) : askedAt + ttlMs),
    };
  } catch (error) {
    if (error instanceof LockTimeoutError) return null;
    throw error;
  } finally {
    stopListening();
  }
}

/**
 * Shared and exclusive are the two sides of one read-write lock, so that they exclude each other.
 */
function lockOf(hf: Coordinator, name: string, kind: Plan["kind"]): Lockable<PermitOptions> {
  if (typeof kind === "object") return hf.semaphore(name, { permits: kind.capacity });
  const { read, write } = hf.rwLock(name);
  return kind === "shared" ? read : write;
}
