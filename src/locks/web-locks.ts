import { ALL, type Inspection } from "../backend.ts";
import { LeaseLostError } from "../errors.ts";
import type { Demand } from "./demand.ts";
import type { HeldLease } from "./lease.ts";
import type { LockTable } from "./lock-table.ts";
import { checkName } from "./options.ts";

export type LockMode = "exclusive" | "shared";

/** As `LockOptions` of the Web Locks API. */
export interface WebLockOptions {
  readonly mode?: LockMode;
  /** Call back with null, instead of waiting, if it is not free. */
  readonly ifAvailable?: boolean;
  /** Take it from whoever holds it, ahead of all who wait. */
  readonly steal?: boolean;
  /** Gives up waiting; without effect once granted. */
  readonly signal?: AbortSignal;
}

/** As `Lock` of the Web Locks API. */
export interface WebLock {
  readonly name: string;
  readonly mode: LockMode;
}

export interface WebLockInfo extends WebLock {
  /** One per coordinator. */
  readonly clientId: string;
}

export interface WebLockSnapshot {
  readonly held: WebLockInfo[];
  readonly pending: WebLockInfo[];
}

export type WebLockCallback<T> = (lock: WebLock | null) => T | PromiseLike<T>;

/**
 * The web platform's lock API (https://w3c.github.io/web-locks/) across processes: the same arguments,
 * answers and errors as `navigator.locks`. A web lock is the read-write lock of its name. Beyond that,
 * a request rejects with a LeaseLostError when its lease ran out under the callback.
 */
export class WebLocks {
  constructor(
    private readonly table: LockTable,
    private readonly ttlMs: number,
    private readonly everything: () => AsyncIterable<Inspection>,
  ) {}

  request<T>(name: string, callback: WebLockCallback<T>): Promise<T>;
  request<T>(name: string, options: WebLockOptions, callback: WebLockCallback<T>): Promise<T>;
  async request<T>(
    name: string,
    optionsOrCallback: WebLockOptions | WebLockCallback<T>,
    maybeCallback?: WebLockCallback<T>,
  ): Promise<T> {
    const isShort = maybeCallback === undefined && typeof optionsOrCallback === "function";
    const callback = isShort ? optionsOrCallback : maybeCallback;
    const options = isShort ? {} : (optionsOrCallback as WebLockOptions);
    if (typeof callback !== "function") {
      throw new TypeError("locks.request takes a callback as its last argument");
    }
    const mode = checkOptions(name, options);
    const lease = await this.table.acquire(checkName(String(name)), this.#demand(mode, options));
    if (lease === null) return callback(null);
    return hold(lease, callback, { name: String(name), mode });
  }

  /** Who holds and who waits, over all processes, in request order. Each entry true at its own time. */
  async query(): Promise<WebLockSnapshot> {
    const snapshot: WebLockSnapshot = { held: [], pending: [] };
    for await (const { resource, capacity, places } of this.everything()) {
      for (const { leaseId, permits, token } of places) {
        (token === null ? snapshot.pending : snapshot.held).push({
          name: resource,
          mode: permits === capacity ? "exclusive" : "shared",
          clientId: leaseId.slice(0, leaseId.indexOf(":")),
        });
      }
    }
    return snapshot;
  }

  #demand(mode: LockMode, { ifAvailable = false, steal = false, signal }: WebLockOptions): Demand {
    return {
      permits: mode === "exclusive" ? ALL : 1,
      capacity: ALL,
      ttlMs: this.ttlMs,
      waitMs: Infinity,
      wait: !ifAvailable,
      // Request order holds over all processes, and query() sees every request.
      strict: true,
      steal,
      signal,
    };
  }
}

/** The checks of the specification, in its order. */
function checkOptions(name: unknown, options: WebLockOptions): LockMode {
  const { mode = "exclusive", ifAvailable = false, steal = false, signal } = options ?? {};
  if (mode !== "exclusive" && mode !== "shared") {
    throw new TypeError(`mode must be "exclusive" or "shared", not "${String(mode)}"`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError("signal must be an AbortSignal");
  }
  if (String(name).startsWith("-")) throw notSupported("a lock's name must not start with '-'");
  if (steal && ifAvailable) throw notSupported("steal and ifAvailable exclude each other");
  if (steal && mode !== "exclusive") throw notSupported("only an exclusive lock can be stolen");
  if (signal !== undefined && (steal || ifAvailable)) {
    throw notSupported("signal goes neither with steal nor with ifAvailable");
  }
  signal?.throwIfAborted();
  return mode;
}

const notSupported = (message: string): DOMException => new DOMException(message, "NotSupportedError");

/** Settles as the callback does, or at once when the lock is lost under it. */
function hold<T>(lease: HeldLease, callback: WebLockCallback<T>, lock: WebLock): Promise<T> {
  return new Promise((resolve, reject) => {
    lease.lost.addEventListener("abort", () => {
      const loss: unknown = lease.lost.reason;
      const isStolen = loss instanceof LeaseLostError && loss.reason === "stolen";
      reject(isStolen ? new DOMException(`"${lock.name}" was stolen`, "AbortError") : loss);
    });
    const run = async (): Promise<T> => callback(lock);
    run().then(
      (result) => lease.release().then(() => resolve(result), reject),
      (error: unknown) => {
        const fail = (): void => reject(error);
        lease.release().then(fail, fail);
      },
    );
  });
}
