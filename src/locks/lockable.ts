import { LockTimeoutError } from "../errors.ts";
import type { Lease } from "./lease.ts";
import type { LockTable } from "./lock-table.ts";
import { checkInteger, demand, type LockDefaults, type LockOptions, type PermitOptions } from "./options.ts";

/**
 * What can be locked. A description: immutable, free to make, without I/O. The lock itself is the
 * {@link Lease} that its verbs hand out. Not re-entrant: who asks again while holding waits for itself.
 */
export abstract class Lockable<Options extends LockOptions = LockOptions> {
  /** What is locked; for several at once, their names. */
  abstract readonly resource: string;

  /** @internal The single locks it consists of, for `all()`. */
  abstract readonly parts: readonly Lock[];

  /** A lease, or null if it is not free right now. `waitMs` 0: without waiting. */
  protected abstract acquire(options: Options, wait: boolean): Promise<Lease | null>;

  /**
   * Resolves with a lease once granted, first come, first served.
   * @throws LockTimeoutError after `waitMs`
   * @throws BackendError when the store cannot be reached for as long as a lease lasts
   * @throws the signal's reason when it aborts
   */
  async lock(options: Options = {} as Options): Promise<Lease> {
    options.signal?.throwIfAborted();
    const lease = await this.acquire(options, true);
    if (lease === null) throw new LockTimeoutError(this.resource, options.waitMs ?? 0, 1);
    return lease;
  }

  /** A lease if it is free right now, else null. Never waits for a holder. */
  async tryLock(options: Omit<Options, "waitMs"> = {} as Options): Promise<Lease | null> {
    options.signal?.throwIfAborted();
    return this.acquire(options as Options, false);
  }

  /**
   * Runs `work` while holding, and resolves with its result. Fails closed: rejects with a LeaseLostError if
   * exclusivity lapsed while the work ran, though its result is then not known to be safe. An error of the
   * work itself is passed on unchanged, whatever happened to the lease.
   */
  async withLock<T>(work: (lease: Lease) => T | PromiseLike<T>, options?: Options): Promise<T> {
    if (typeof work !== "function") {
      throw new TypeError("withLock takes the work first: withLock(async (lease) => …, { waitMs: 500 })");
    }
    const lease = await this.lock(options);
    let result: T;
    try {
      result = await work(lease);
    } catch (error) {
      await lease.release().catch(() => undefined); // told by the event lock.lost
      throw error;
    }
    await lease.release();
    return result;
  }
}

/** One resource, asked for with a fixed number of permits. */
export class Lock extends Lockable {
  constructor(
    readonly resource: string,
    /** @internal */ readonly permits: number,
    /** @internal */ readonly capacity: number,
    private readonly table: LockTable,
    private readonly defaults: LockDefaults,
  ) {
    super();
  }

  get parts(): readonly Lock[] {
    return [this];
  }

  protected acquire(options: LockOptions, wait: boolean): Promise<Lease | null> {
    return this.table.acquire(this.resource, demand(this, options, this.defaults, wait));
  }
}

/** One resource, of whose permits each request takes some. */
export class Semaphore extends Lockable<PermitOptions> {
  constructor(
    readonly resource: string,
    /** All permits there are. */
    readonly permits: number,
    private readonly table: LockTable,
    private readonly defaults: LockDefaults,
  ) {
    super();
  }

  /** One permit. */
  get parts(): readonly Lock[] {
    return [new Lock(this.resource, 1, this.permits, this.table, this.defaults)];
  }

  protected acquire(options: PermitOptions, wait: boolean): Promise<Lease | null> {
    const permits = checkInteger(options.permits ?? 1, `permits of "${this.resource}"`, 1, this.permits);
    const subject = { permits, capacity: this.permits };
    return this.table.acquire(this.resource, demand(subject, options, this.defaults, wait));
  }
}

/** Many readers or one writer; a waiting writer holds back the readers that come after it. */
export interface ReadWriteLock {
  readonly read: Lock;
  readonly write: Lock;
}
