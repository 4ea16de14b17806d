import type {
  Admission,
  AdmitRequest,
  LockBackend,
  Grant,
  Listener,
  Release,
  ReleaseRequest,
  Renewal,
  RenewRequest,
  RevokeReason,
} from "../backend.ts";
import type { Cancel, Clock } from "../clock.ts";
import { ClosedError, type BackendError } from "../errors.ts";
import { emit } from "../events.ts";
import { Batch } from "./batch.ts";
import type { Demand } from "./demand.ts";
import type { HeldLease } from "./lease.ts";
import { LocalQueue } from "./local-queue.ts";
import { Lookout } from "./lookout.ts";
import type { Place } from "./place.ts";
import { Renewals } from "./renewal.ts";
import { StoreClocks } from "./store-clock.ts";
import type { Waiter } from "./waiter.ts";

/** So many leases pass from caller to caller within one turn of the event loop. */
const PASSES_PER_TURN = 64;
const RELEASE_RETRY_MS = 100;
/**
 * Most admissions and releases in one call: while the store works on one, the next is made up and the answers
 * to the one before are given out. 256 locks at once on Redis are taken and given back 1.3 to 1.8 times as
 * fast as with all of them in one call (cell 2b of the benchmark).
 */
const CALL_MAX = 32;
/** Nobody awaits renewals: rather fewer calls. Redis is busy for some 2 ms with one. */
const RENEWALS_MAX = 512;

export interface LockTableOptions {
  readonly backend: LockBackend;
  /** Resolves once the backend is open; rejects with a BackendError. */
  readonly open: () => Promise<void>;
  readonly clock: Clock;
  readonly processId: string;
  readonly claimMs: number;
  readonly fallbackMs: number;
  readonly patienceMs: number;
  readonly callMs: number;
}

/** All that one process has to do with locks: its callers by resource, and its places by lease id. */
export class LockTable implements Listener {
  readonly backend: LockBackend;
  readonly clock: Clock;
  readonly places = new Map<string, Place>();
  readonly renewals: Renewals;
  readonly lookout: Lookout;
  readonly #queues = new Map<string, LocalQueue>();
  readonly #storeClocks: StoreClocks;
  readonly #laneOf: ((resource: string) => string) | undefined;
  readonly #admissions: Batch<AdmitRequest, Admission>;
  readonly #renewing: Batch<RenewRequest, Renewal>;
  readonly #releases: Batch<ReleaseRequest, Release>;
  /** Releases that the store has not confirmed yet. */
  readonly #releasing = new Set<unknown>();
  #allReleased: (() => void) | undefined;
  /** Places granted in this turn of the event loop. */
  #fresh: Place[] = [];
  readonly #options: LockTableOptions;
  #flushing = false;
  #leaseIds = 0;
  #passes = 0;
  #isClosed = false;

  constructor(options: LockTableOptions) {
    const { backend, clock, callMs, fallbackMs } = options;
    this.#options = options;
    this.backend = backend;
    this.clock = clock;
    this.#laneOf = backend.lane === undefined ? undefined : (resource) => backend.lane?.(resource) ?? "";
    this.#storeClocks = new StoreClocks(this.#laneOf ?? (() => ""));
    this.#admissions = this.#batch("admit", CALL_MAX, true, (requests) => backend.admit(requests));
    this.#renewing = this.#batch("renew", RENEWALS_MAX, false, (requests) => backend.renew(requests));
    this.#releases = this.#batch("release", CALL_MAX, true, (requests) => backend.release(requests));
    this.lookout = new Lookout(clock, this.#storeClocks, fallbackMs, callMs);
    this.renewals = new Renewals(clock, (request, answered, failed) => {
      const counted = (renewal: Renewal, sentAt: number, now: number): void => {
        if (renewal.kind === "renewed") {
          emit("lease.renewed", () => ({ backend: backend.name, resource: request.resource }));
        }
        answered(renewal, sentAt, now);
      };
      this.#renewing.add(request, counted, failed);
      this.#flushSoon();
    });
  }

  acquire(resource: string, demand: Demand): Promise<HeldLease | null> {
    if (this.#isClosed) return Promise.reject(new ClosedError());
    let queue = this.#queues.get(resource);
    if (queue === undefined) {
      queue = new LocalQueue(this, resource, demand.capacity);
      this.#queues.set(resource, queue);
    } else if (queue.capacity !== demand.capacity) {
      return Promise.reject(
        new RangeError(
          `"${resource}" is in use with capacity ${queue.capacity}, not ${demand.capacity}: ` +
            "use the same kind of lock with the same permits everywhere",
        ),
      );
    }
    return queue.acquire(demand);
  }

  /** The callers of this process that the store does not know of, because they wait behind others here. */
  localWaiters(resource: string): readonly Waiter[] {
    return [...(this.#queues.get(resource)?.waiting ?? [])];
  }

  newLeaseId(tag?: string): string {
    const id = `${this.#options.processId}:${(this.#leaseIds++).toString(36)}`;
    return tag === undefined ? id : `${id}:${tag}`;
  }

  tidy(queue: LocalQueue): void {
    if (queue.isIdle && this.#queues.get(queue.resource) === queue) this.#queues.delete(queue.resource);
  }

  /**
   * Watches a place's deadline and renews it from the end of this turn of the event loop on, which is as soon
   * as any timer could fire. Most leases are given back before: those need neither.
   */
  keep(place: Place): void {
    if (this.#fresh.push(place) > 1) return;
    this.clock.yield(() => {
      for (const each of this.#fresh.splice(0)) {
        if (each.state !== "granted") continue;
        each.watchDeadline();
        this.renewals.add(each, each.deadline - this.clock.now(), each.renewWithin);
      }
    });
  }

  mayPassAtOnce(): boolean {
    if (this.#passes === 0) this.clock.yield(() => (this.#passes = 0));
    this.#passes += 1;
    return this.#passes <= PASSES_PER_TURN;
  }

  // ------------------------------------------------------------------------------- towards the store

  admit(
    request: AdmitRequest,
    answered: (admission: Admission, sentAt: number, now: number) => void,
    failed: (error: BackendError) => void,
    isWanted: () => boolean,
  ): void {
    this.#admissions.add(request, answered, failed, isWanted);
    this.#flushSoon();
  }

  /**
   * Ends a place in the store, tried again until `deadline`, when it ends there by itself. `unsettled`: the
   * store may not know. Settles by then, whatever the store does.
   */
  release(place: Place, deadline?: number): Promise<"released" | "gone" | "unsettled"> {
    const { resource, leaseId } = place;
    const giveUpAt = deadline ?? this.clock.now() + this.#options.patienceMs;
    const released = new Promise<"released" | "gone" | "unsettled">((resolve) => {
      let tries = 0;
      let isSettled = false;
      let cancelRetry: Cancel | undefined;
      let cancelGivingUp: Cancel | undefined;
      const settle = (outcome: "released" | "gone" | "unsettled"): void => {
        isSettled = true;
        this.#releasing.delete(settle);
        cancelRetry?.();
        cancelGivingUp?.();
        resolve(outcome);
        if (this.#releasing.size === 0) this.#allReleased?.();
      };
      this.#releasing.add(settle);
      const attempt = (): void => {
        tries += 1;
        this.#releases.add(
          { resource, leaseId },
          ({ kind }) => settle(kind === "gone" && tries > 1 ? "unsettled" : kind),
          () => {
            // Answers to several tries come in any order.
            if (isSettled) return;
            const left = giveUpAt - this.clock.now();
            if (left <= 0 || this.#isClosed) return settle("unsettled");
            cancelGivingUp ??= this.clock.timer(left, () => settle("unsettled"), { keepAlive: true });
            cancelRetry = this.clock.timer(RELEASE_RETRY_MS * tries, attempt, { keepAlive: true });
          },
        );
        this.#flushSoon();
      };
      attempt();
      const left = giveUpAt - this.clock.now();
      if (left < this.#options.callMs) {
        cancelGivingUp = this.clock.timer(left, () => settle("unsettled"), { keepAlive: true });
      }
    });
    return released;
  }

  /** Gives back all there is, and hears no more. Resolves when the store knows or cannot be told. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const queue of [...this.#queues.values()]) queue.close();
    this.renewals.stop();
    if (this.#releasing.size > 0) await new Promise<void>((resolve) => (this.#allReleased = resolve));
  }

  // ------------------------------------------------------------------------------------------- Listener

  granted(resource: string, leaseId: string, grant: Grant): void {
    const place = this.places.get(leaseId);
    if (place === undefined || place.resource !== resource) return;
    // Proven twice over: by the store's clock, and because the message cannot have left before its grant.
    const received = this.clock.now() + this.#options.claimMs;
    const proven = this.#storeClocks.of(resource).local(grant.expiresAt);
    place.queue.pushed(place, grant, Math.min(received, proven));
  }

  revoked(_resource: string, leaseId: string, reason: RevokeReason): void {
    this.places.get(leaseId)?.lose(reason);
  }

  contended(resource: string): void {
    for (const place of this.#queues.get(resource)?.places ?? []) {
      if (place.state === "granted") place.markContended();
    }
  }

  look(resource?: string, at?: number): void {
    const now = this.clock.now();
    if (resource === undefined) this.#storeClocks.forget();
    const isLater = resource !== undefined && at !== undefined;
    const when = isLater ? Math.max(now, this.#storeClocks.of(resource).expected(at) + 1) : now;
    for (const queue of resource === undefined ? this.#queues.values() : [this.#queues.get(resource)]) {
      for (const place of queue?.places ?? []) {
        const isWaiting = place.state === "asking" || place.state === "waiting";
        if (isWaiting) this.lookout.look(place, Math.min(when, place.lookAt));
      }
    }
  }

  // -------------------------------------------------------------------------------------------- batches

  #batch<Request extends { readonly resource: string }, Result>(
    operation: string,
    callMax: number,
    keepAlive: boolean,
    call: (requests: readonly Request[]) => Promise<{ now: number; results: readonly Result[] }>,
  ): Batch<Request, Result> {
    const { backend, clock, callMs, open } = this.#options;
    const laneOf = this.#laneOf;
    let isOpen = false;
    return new Batch<Request, Result>({
      backend: backend.name,
      operation,
      callMax,
      clock,
      callMs,
      keepAlive,
      sampled: ({ resource }, sentAt, now) => this.#storeClocks.of(resource).sample(sentAt, now),
      lane: laneOf === undefined ? undefined : ({ resource }) => laneOf(resource),
      call(requests) {
        if (!isOpen) {
          return open().then(() => {
            isOpen = true;
            return call(requests);
          });
        }
        try {
          return call(requests);
        } catch (cause) {
          return Promise.reject(cause);
        }
      },
    });
  }

  /** At the end of this turn of the event loop. Releases go first: who asks in the same tick may be next. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    process.nextTick(() => {
      this.#flushing = false;
      this.#renewing.flush();
      this.#releases.flush();
      this.#admissions.flush();
    });
  }
}
