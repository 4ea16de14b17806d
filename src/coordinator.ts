import {
  ALL,
  type Backend,
  type Inspection,
  type LockBackend,
  type Owner,
  type RecordBackend,
  type Store,
} from "./backend.ts";
import { systemClock, type Clock } from "./clock.ts";
import {
  checkFairness,
  checkNamespace,
  ownerOf,
  type CoordinatorOptions,
  type ForceReleaseOptions,
  type KindOptions,
  type ListLocksOptions,
} from "./coordinator-options.ts";
import { diagnose, type Diagnosis } from "./diagnosis.ts";
import { BackendError, ClosedError } from "./errors.ts";
import { emit } from "./events.ts";
import { All } from "./locks/all.ts";
import { asBackendError } from "./locks/batch.ts";
import { Election } from "./locks/election.ts";
import { COMPANION_BYTES } from "./locks/leader.ts";
import { fullToken, lockView, placeView, type LockView, type RevokedView } from "./locks/inspection.ts";
import { LockTable } from "./locks/lock-table.ts";
import { Lock, Semaphore, type Lockable, type ReadWriteLock } from "./locks/lockable.ts";
import {
  checkInteger,
  checkMs,
  checkName,
  checkText,
  checkTtl,
  NAME_MAX_BYTES,
  type LockDefaults,
} from "./locks/options.ts";
import type { HeldTerm } from "./locks/term.ts";
import { WebLocks } from "./locks/web-locks.ts";
import type { CollectionOptions } from "./records/declaration.ts";
import { writeAll, type HeadsOf, type PlansOf } from "./records/plan.ts";
import type { Records } from "./records/records.ts";
import { RecordStore } from "./records/store.ts";
import { measuresOf, type Measures } from "./measures/measures.ts";
import { Registry } from "./measures/registry.ts";

/** Where locks and records are kept, if not in one place. Without `records` there are locks only. */
export interface Backends {
  readonly locks: LockBackend;
  readonly records?: RecordBackend;
}

const LIST_PAGE = 100;
/** A waiting place lives through this many fallback intervals without a sign of its process. */
const PATIENCE = 3;

/**
 * One process's access to locks and records on one store (or two). Everything else is made from it. It opens
 * the store on first use, and keeps no process alive by itself.
 */
export class Coordinator implements AsyncDisposable {
  /** The web platform's lock API, across processes. */
  readonly locks: WebLocks;
  /** Identifies this coordinator: the `clientId` of web locks. */
  readonly id: string;
  readonly owner: Owner;
  readonly #backends: Backends;
  readonly #clock: Clock;
  readonly #table: LockTable;
  readonly #defaults: LockDefaults;
  readonly #namespace: string;
  readonly #callMs: number;
  readonly #fallbackMs: number;
  readonly #terms = new Set<HeldTerm>();
  readonly #claimMs: number;
  readonly #patienceMs: number;
  #registry: Registry | undefined;
  readonly #records: RecordStore | undefined;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(backend: Backend | Backends, options: CoordinatorOptions = {}) {
    const fallbackMs = (this.#fallbackMs = checkMs(options.fallbackMs ?? 3_000, "fallbackMs", 20, 3_600_000));
    this.#callMs = checkMs(options.callMs ?? 5_000, "callMs", 10, 3_600_000);
    this.#claimMs = checkMs(options.claimMs ?? 2_000, "claimMs", 20, 3_600_000);
    this.#patienceMs = Math.ceil(fallbackMs * PATIENCE + 1_000);
    this.#namespace = checkNamespace(options.namespace ?? "holdfast");
    this.#defaults = {
      ttlMs: checkTtl(options.ttlMs ?? 10_000),
      fair: checkFairness(options.fair ?? "local"),
    };
    this.#backends = "locks" in backend ? backend : { locks: backend, records: backend };
    this.#clock = options.clock ?? systemClock;
    this.id = this.#clock.id();
    this.owner = ownerOf(options);
    this.#table = new LockTable({
      backend: this.#backends.locks,
      // What was opened stays usable while closing, which gives leases back.
      open: () => this.#opening ?? this.open(),
      clock: this.#clock,
      processId: this.id,
      claimMs: this.#claimMs,
      fallbackMs,
      patienceMs: this.#patienceMs,
      callMs: this.#callMs,
    });
    if (options.measures !== undefined) this.#registry = new Registry(options.measures);
    this.#records = this.#recordStore();
    this.locks = new WebLocks(this.#table, this.#defaults.ttlMs, () => this.#inspections(""));
  }

  // ---------------------------------------------------------------------------------------------- locks

  /** One holder at a time. */
  mutex(name: string, options: KindOptions = {}): Lock {
    return new Lock(checkName(name), 1, 1, this.#table, this.#with(options));
  }

  /** Many readers or one writer, first come, first served. */
  rwLock(name: string, options: KindOptions = {}): ReadWriteLock {
    const defaults = this.#with(options);
    return {
      read: new Lock(checkName(name), 1, ALL, this.#table, defaults),
      write: new Lock(name, ALL, ALL, this.#table, defaults),
    };
  }

  /** At most `permits` in use at a time; 1 … 999,999,999, and the same number everywhere. */
  semaphore(name: string, options: KindOptions & { readonly permits: number }): Semaphore {
    const permits = checkInteger(options?.permits, `permits of "${name}"`, 1, ALL - 1);
    return new Semaphore(checkName(name), permits, this.#table, this.#with(options));
  }

  /** Several locks at once, all or nothing, in one order everywhere. */
  all(...lockables: readonly Lockable[]): All {
    return new All(lockables, this.#clock);
  }

  /** At most one leader at a time. Its terms are leases on the mutex of that name, 1 … 1,012 bytes. */
  election(name: string): Election {
    checkText(name, "an election's name", 1, NAME_MAX_BYTES - COMPANION_BYTES);
    const { locks } = this.#backends;
    return new Election(name, {
      table: this.#table,
      ttlMs: this.#defaults.ttlMs,
      fallbackMs: this.#fallbackMs,
      terms: this.#terms,
      inspect: (resource) => this.#call(locks, "inspect", () => locks.inspect(resource)),
    });
  }

  /** Who holds a resource and who waits for it, in order. Changes nothing. */
  async inspect(name: string): Promise<LockView> {
    checkName(name);
    const { locks } = this.#backends;
    const inspection = await this.#call(locks, "inspect", () => locks.inspect(name));
    return lockView(inspection, this.#table, this.owner);
  }

  /** Every resource that is held or waited for, by name. */
  async *list({ prefix = "" }: ListLocksOptions = {}): AsyncGenerator<LockView, void, undefined> {
    for await (const inspection of this.#inspections(prefix)) {
      yield lockView(inspection, this.#table, this.owner);
    }
  }

  /**
   * Takes a lock away from its holders: revokes their leases, makes their tokens stale from this step on,
   * records who did it and why, and hands over to the next waiter. Returns the places that were revoked.
   */
  async forceRelease(
    name: string,
    { reason, leaseId }: ForceReleaseOptions,
  ): Promise<readonly RevokedView[]> {
    const request = {
      resource: checkName(name),
      reason: checkName(reason, "the reason of a forced release"),
      by: this.owner,
      ...(leaseId === undefined ? {} : { leaseId }),
    };
    const { locks } = this.#backends;
    const places = await this.#call(locks, "revoke", () => locks.revoke(request));
    const tokens = places.map((place) => fullToken(place.token ?? 0));
    if (places.length > 0) {
      emit("lock.revoked", () => ({ backend: locks.name, resource: name, reason, tokens }));
    }
    return places.map(placeView);
  }

  // -------------------------------------------------------------------------------------------- records

  /**
   * A collection of JSON records, each with a revision. What it is (fields that are unique or to list by,
   * schema, how long history is kept) is declared once: `records(name)` then means the same collection.
   * @throws TypeError if it was declared otherwise before
   */
  records<T>(collection: string, options?: CollectionOptions<T>): Records<T> {
    if (this.#records === undefined) {
      throw new TypeError(
        `${this.#backends.locks.name} keeps locks only: keep records elsewhere, for instance ` +
          'connect("sqlite:./app.db", { locks: url })',
      );
    }
    return this.#records.records<T>(collection, options);
  }

  /**
   * Several records at once: all planned writes take effect in one step, or none does. Answers for each the
   * record as it is then; null: deleted. A partitioned store may refuse what lies in several partitions.
   *
   *     await hf.write([contacts.planPut("42", next, { ifRevision }), leads.planDelete("7")]);
   * @throws ConflictError, StaleTokenError, UniqueError, InvalidValueError about the first that was refused
   * @throws BackendError whose `outcome` says whether they may have taken effect
   */
  async write<const Values extends readonly unknown[]>(plans: PlansOf<Values>): Promise<HeadsOf<Values>> {
    return writeAll(plans);
  }

  // ------------------------------------------------------------------------------------------ lifecycle

  /** Opens the store now rather than on first use. @throws BackendError */
  open(): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(new ClosedError());
    // A store that could not be opened is tried again next time.
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** Checks the store, or both: reachability, clock, settings, and what follows for safety. */
  async diagnose(): Promise<readonly Diagnosis[]> {
    const found: Diagnosis[] = [];
    for (const store of this.#stores) {
      found.push(await diagnose(store, this.#clock, (operation, run) => this.#call(store, operation, run)));
    }
    return found;
  }

  /**
   * What was measured in this process, all its coordinators together: since this one was made if it has the
   * option `measures`, otherwise since this was first called.
   */
  measures(): Measures {
    this.#registry ??= new Registry();
    return measuresOf(this.#registry);
  }

  /**
   * Gives back every lease, rejects who still waits with a ClosedError, and closes what the store opened.
   * Idempotent; never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #open(): Promise<void> {
    const session = {
      namespace: this.#namespace,
      processId: this.id,
      owner: this.owner,
      claimMs: this.#claimMs,
      patienceMs: this.#patienceMs,
      listener: this.#table,
    };
    for (const store of this.#stores) await this.#within(store, "open", () => store.open(session));
  }

  async #close(): Promise<void> {
    this.#records?.close();
    await this.#table.close();
    this.#registry?.stop();
    if (this.#opening === undefined) return;
    await this.#opening.catch(() => undefined);
    for (const store of this.#stores) {
      await this.#within(store, "close", () => store.close()).catch(() => undefined);
    }
  }

  #recordStore(): RecordStore | undefined {
    const { records } = this.#backends;
    if (records === undefined) return undefined;
    return new RecordStore({
      backend: records,
      clock: this.#clock,
      call: (operation, run) => this.#call(records, operation, run),
      mutex: (name) => this.mutex(name),
      scope: this,
    });
  }

  get #stores(): ReadonlySet<Store> {
    const { locks, records } = this.#backends;
    return new Set(records === undefined ? [locks] : [locks, records]);
  }

  async *#inspections(prefix: string): AsyncGenerator<Inspection, void, undefined> {
    const { locks } = this.#backends;
    let after: string | undefined;
    for (;;) {
      const page = { prefix, limit: LIST_PAGE, ...(after === undefined ? {} : { after }) };
      const inspections = await this.#call(locks, "list", () => locks.list(page));
      yield* inspections;
      if (inspections.length < LIST_PAGE) return;
      after = inspections.at(-1)?.resource;
    }
  }

  async #call<Result>(store: Store, operation: string, run: () => Promise<Result>): Promise<Result> {
    await this.open();
    return this.#within(store, operation, run);
  }

  /** A call to the store with a time limit: a store that hangs has an unknown outcome. */
  #within<Result>(store: Store, operation: string, run: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const { name } = store;
      const fail = (error: BackendError): void => {
        cancel();
        emit("backend.failed", () => ({ backend: name, operation, error }));
        reject(error);
      };
      const detail = `no answer within ${this.#callMs} ms`;
      const cancel = this.#clock.timer(
        this.#callMs,
        () => fail(new BackendError(name, operation, "unknown", { detail })),
        { keepAlive: true },
      );
      run().then(
        (result) => {
          cancel();
          resolve(result);
        },
        (cause: unknown) => fail(asBackendError(cause, name, operation)),
      );
    });
  }

  #with({ fair }: KindOptions): LockDefaults {
    return fair === undefined ? this.#defaults : { ...this.#defaults, fair: checkFairness(fair) };
  }
}
