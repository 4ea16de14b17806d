import type { Clock } from "../clock.ts";
import { LockTimeoutError, type LeaseLostError } from "../errors.ts";
import type { Lease } from "./lease.ts";
import { Lockable, type Lock } from "./lockable.ts";
import { checkMs, type LockOptions } from "./options.ts";

/**
 * Several locks at once, all or nothing, in one order everywhere (by name), so that two callers cannot wait
 * for each other. One `waitMs` for all of them together.
 */
export class All extends Lockable {
  readonly resource: string;
  readonly parts: readonly Lock[];

  constructor(
    lockables: readonly Lockable[],
    private readonly clock: Clock,
  ) {
    super();
    this.parts = inOrder(lockables);
    this.resource = this.parts.map((lock) => lock.resource).join(" + ");
  }

  protected async acquire(options: LockOptions, wait: boolean): Promise<Lease | null> {
    const waitMs = options.waitMs === undefined ? Infinity : checkMs(options.waitMs, "waitMs", 0, Infinity);
    const until = this.clock.now() + waitMs;
    const leases: Lease[] = [];
    try {
      for (const lock of this.parts) {
        const left = Math.max(0, until - this.clock.now());
        const { waitMs: _, ...rest } = options;
        const each = left === Infinity ? rest : { ...rest, waitMs: left };
        const lease = wait && left > 0 ? await lock.lock(each) : await lock.tryLock(rest);
        if (lease === null) {
          await releaseAll(leases);
          return null;
        }
        leases.push(lease);
      }
    } catch (error) {
      await releaseAll(leases).catch(() => undefined);
      if (error instanceof LockTimeoutError) throw new LockTimeoutError(error.resource, waitMs, error.ahead);
      throw error;
    }
    return new AllLeases(this.resource, leases);
  }
}

/** The leases of several locks, as one. */
export class AllLeases implements Lease {
  #lost: AbortSignal | undefined;
  #released: Promise<void> | undefined;

  constructor(
    readonly resource: string,
    /** One per lock, by name. Fence writes with the one that guards them. */
    readonly leases: readonly Lease[],
  ) {}

  /** The highest of the tokens. */
  get token(): bigint {
    return this.leases.reduce((highest, { token }) => (token > highest ? token : highest), 0n);
  }

  /** Aborts as soon as one of them is lost. */
  get lost(): AbortSignal {
    return (this.#lost ??= AbortSignal.any(this.leases.map((lease) => lease.lost)));
  }

  release(): Promise<void> {
    return (this.#released ??= releaseAll(this.leases));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

/** All are released, in reverse order; then the first loss among them is thrown, if any. */
async function releaseAll(leases: readonly Lease[]): Promise<void> {
  const outcomes = await Promise.allSettled([...leases].reverse().map((lease) => lease.release()));
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason as LeaseLostError;
}

function inOrder(lockables: readonly Lockable[]): readonly Lock[] {
  if (lockables.length === 0) throw new TypeError("all() takes at least one lock");
  if (!lockables.every((each) => each instanceof Lockable)) {
    throw new TypeError('all() takes locks: all(hf.mutex("a"), hf.rwLock("b").read)');
  }
  const strongest = new Map<string, Lock>();
  for (const lock of lockables.flatMap((each) => each.parts)) {
    const same = strongest.get(lock.resource);
    if (same !== undefined && same.capacity !== lock.capacity) {
      throw new TypeError(`all() got "${lock.resource}" twice, as two different kinds of lock`);
    }
    if (same === undefined || same.permits < lock.permits) strongest.set(lock.resource, lock);
  }
  return [...strongest.values()].sort((a, b) => (a.resource < b.resource ? -1 : 1));
}
