import type { Admission, Grant } from "../backend.ts";
import { ClosedError, LeaseLostError, type BackendError, type LossReason } from "../errors.ts";
import { emit } from "../events.ts";
import type { Demand } from "./demand.ts";
import { HeldLease } from "./lease.ts";
import type { LockTable } from "./lock-table.ts";
import { Place } from "./place.ts";
import { safetyMargin } from "./store-clock.ts";
import { Waiter, WaiterList } from "./waiter.ts";

/** While other processes wait, a place is passed on inside this one at most this often … */
const PASSES_MAX = 64;
/** … and for at most this long. */
const PASSING_MS = 10;
/** A place handed over lasts for its claim deadline only, and is renewed this soon. */
const CLAIM_AFTER_MS = 100;
/** A token leaves room for this many turns, the first included. */
const TURNS_MAX = 1024;

/**
 * One process's callers of one resource. The one rule a second time, in front of the store's queue: a caller
 * is forwarded to the store when its permits and those of all callers ahead of it in this process fit the
 * capacity; the others wait here and cost the store nothing. A place that is given back passes to the next
 * caller in line without a message (lock cohorting: Dice, Marathe, Shavit, PPoPP 2012), within bounds while
 * other processes wait.
 */
export class LocalQueue {
  readonly waiting = new WaiterList();
  readonly places = new Set<Place>();
  #permitsUsed = 0;

  constructor(
    readonly table: LockTable,
    readonly resource: string,
    readonly capacity: number,
  ) {}

  get isIdle(): boolean {
    return this.places.size === 0 && this.waiting.length === 0;
  }

  acquire(demand: Demand): Promise<HeldLease | null> {
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(this, demand, this.table.clock.now(), resolve, reject);
      const isNext = this.waiting.first === null && this.#isForTheStore(demand);
      if (isNext || demand.strict || demand.steal) {
        this.#forward(waiter);
      } else if (!demand.wait) {
        this.#refuse(waiter, "busy");
        waiter.settle(null);
      } else {
        this.waiting.push(waiter);
        emit("lock.waiting", () => ({ ...this.#subject(), local: true }));
      }
      waiter.arm();
    });
  }

  /** Places of this process known to be ahead of the waiter. */
  ahead(waiter: Waiter): number {
    if (waiter.place !== null) return waiter.place.ahead;
    let ahead = this.places.size;
    for (const each of this.waiting) {
      if (each === waiter) break;
      ahead += 1;
    }
    return ahead;
  }

  // ------------------------------------------------------------------------------- towards the store

  ask(place: Place): void {
    const { resource, leaseId, permits, capacity, ttlMs } = place;
    const demand = place.waiter?.demand;
    const request = { resource, leaseId, permits, capacity, ttlMs, wait: demand?.wait ?? true };
    this.table.admit(
      demand?.steal === true ? { ...request, steal: true } : request,
      (admission, sentAt, now) => this.#admitted(place, admission, sentAt, now),
      (error) => this.#failed(place, error),
      () => place.state !== "ended",
    );
  }

  #admitted(place: Place, admission: Admission, sentAt: number, now: number): void {
    if (place.state !== "asking" && place.state !== "waiting") return;
    const { waiter } = place;
    place.failingSince = Infinity;
    switch (admission.kind) {
      case "granted": {
        const renewWithin = place.state === "waiting" ? CLAIM_AFTER_MS : Infinity;
        return this.#granted(place, admission, sentAt + (admission.expiresAt - now), renewWithin);
      }
      case "waiting":
        if (place.state === "asking") emit("lock.waiting", () => ({ ...this.#subject(), local: false }));
        place.state = "waiting";
        place.ahead = admission.ahead;
        return this.table.lookout.wait(place, admission.lookAt);
      case "busy":
        this.#end(place);
        if (waiter !== null) {
          this.#refuse(waiter, "busy");
          waiter.settle(null);
        }
        this.#forwardFitting();
        return this.table.tidy(this);
      case "mismatch":
        return waiter?.fail(
          new RangeError(
            `"${this.resource}" is in use with capacity ${admission.capacity}, not ${place.capacity}: ` +
              "use the same kind of lock with the same permits everywhere",
          ),
          "error",
        );
      case "gone":
        // The place ran out unseen, for instance while this process was paused: ask again, as new.
        this.#end(place);
        if (waiter !== null) this.#forward(waiter);
        return;
      default:
        admission satisfies never;
    }
  }

  /** A hand-over told by push. `provenDeadline` never errs late. */
  pushed(place: Place, grant: Grant, provenDeadline: number): void {
    if (place.state !== "asking" && place.state !== "waiting") return;
    this.#granted(place, grant, provenDeadline, CLAIM_AFTER_MS);
  }

  #granted(place: Place, { token, waiting }: Grant, provenDeadline: number, renewWithin: number): void {
    const { clock, lookout, renewals } = this.table;
    const grantedAt = clock.now();
    const deadline = provenDeadline - safetyMargin(provenDeadline - grantedAt);
    // A grant that was long on its way is none: by now somebody else may hold. Ask again. So it is when no
    // reply has shown the store's clock yet, and the deadline is -Infinity less Infinity: not a number.
    if (!(deadline > grantedAt)) return lookout.look(place, grantedAt);
    lookout.forget(place);
    place.grant(token, deadline);
    if (waiting > 0) place.markContended();
    renewals.add(place, deadline - grantedAt, renewWithin);
    const { waiter } = place;
    if (waiter !== null) this.#deliver(place, waiter, false, renewWithin !== Infinity);
  }

  #failed(place: Place, error: BackendError): void {
    const { waiter } = place;
    if (waiter === null || (place.state !== "asking" && place.state !== "waiting")) return;
    const now = this.table.clock.now();
    place.failingSince = Math.min(place.failingSince, now);
    if (waiter.demand.wait && now - place.failingSince < place.ttlMs) {
      return this.table.lookout.retry(place, now - place.failingSince);
    }
    // Who waits behind would fare no better, one after the other.
    for (const other of this.waiting) other.fail(error, "error");
    waiter.fail(error, "error");
  }

  // --------------------------------------------------------------------------------- towards callers

  giveBack(place: Place, lease: HeldLease): Promise<void> {
    if (place.state !== "granted" || place.lease !== lease) return Promise.resolve();
    const now = this.table.clock.now();
    const told = (): { token: bigint; holdMs: number } => ({
      token: lease.token,
      holdMs: now - lease.grantedAt,
    });
    place.lease = null;
    const next = this.waiting.first;
    if (next !== null && this.#mayPassOn(place, next.demand, now)) {
      this.#passOn(place, next);
      emit("lock.released", () => ({ ...this.#subject(), ...told() }));
      return Promise.resolve();
    }
    return this.#vacate(place).then((outcome) => {
      if (outcome !== "gone") return emit("lock.released", () => ({ ...this.#subject(), ...told() }));
      emit("lock.lost", () => ({ ...this.#subject(), ...told(), reason: "expired" as const }));
      throw new LeaseLostError(this.resource, lease.token, "expired");
    });
  }

  /** The caller gave up: out of the queue, or give the place away that it waited for. */
  abandon(waiter: Waiter, outcome: "timeout" | "aborted" | "error"): void {
    this.#refuse(waiter, outcome);
    this.waiting.remove(waiter);
    const { place } = waiter;
    if (place !== null && place.state !== "ended" && place.waiter === waiter) {
      place.waiter = null;
      void this.#vacate(place);
    } else {
      this.#forwardFitting();
    }
    this.table.tidy(this);
  }

  lose(place: Place, reason: LossReason): void {
    if (place.state !== "granted") return;
    const { lease } = place;
    // The store may have renewed it after all, in a call whose reply was lost: end it there too.
    void this.#vacate(place);
    if (lease === null) return;
    const holdMs = this.table.clock.now() - lease.grantedAt;
    emit("lock.lost", () => ({ ...this.#subject(), token: lease.token, holdMs, reason }));
    lease.markLost(reason);
  }

  close(): void {
    for (const waiter of this.waiting) waiter.fail(new ClosedError(), "error");
    for (const place of this.places) {
      place.waiter?.fail(new ClosedError(), "error");
      place.lose("closed");
    }
  }

  #passOn(place: Place, next: Waiter): void {
    this.waiting.remove(next);
    place.turns += 1;
    if (this.table.mayPassAtOnce()) return this.#deliver(place, next, true, false);
    // Let the event loop turn: messages, renewals and deadlines want to be heard, too.
    place.waiter = next;
    next.place = place;
    this.table.clock.yield(() => {
      if (place.waiter === next) this.#deliver(place, next, true, false);
    });
  }

  #deliver(place: Place, waiter: Waiter, local: boolean, queued: boolean): void {
    const now = this.table.clock.now();
    const lease = new HeldLease(place, place.turns, now);
    place.lease = lease;
    place.waiter = null;
    waiter.place = null;
    emit("lock.granted", () => ({
      ...this.#subject(),
      token: lease.token,
      waitMs: now - waiter.since,
      local,
      queued,
    }));
    waiter.settle(lease);
  }

  #mayPassOn(place: Place, next: Demand, now: number): boolean {
    return (
      isAlike(place, next) &&
      !next.strict &&
      this.#hasNobodyAtTheStore() &&
      place.turns < TURNS_MAX - 1 &&
      now < place.deadline &&
      (place.contendedAt === Infinity ||
        (now - place.contendedAt < PASSING_MS && place.turns - place.contendedTurn < PASSES_MAX))
    );
  }

  /** Whoever stands in the store's queue came before all who wait here. */
  #hasNobodyAtTheStore(): boolean {
    if (this.places.size === 1) return true;
    for (const { state } of this.places) if (state !== "granted") return false;
    return true;
  }

  /** Ends a place here and in the store. Resolves when the store knows, or when the lease has run out. */
  #vacate(place: Place): Promise<"released" | "gone" | "unsettled"> {
    const { deadline, state, waiter } = place;
    this.#end(place);
    place.waiter = null;
    // The next in line, if it was lost on the way to it.
    if (waiter !== null) this.#forward(waiter);
    const released = this.table.release(place, state === "granted" ? deadline : undefined);
    this.#forwardFitting();
    this.table.tidy(this);
    return released;
  }

  #forward(waiter: Waiter): void {
    const place = new Place(this, this.table.newLeaseId(waiter.demand.tag), waiter, this.table.clock);
    waiter.place = place;
    this.#permitsUsed += place.permits;
    this.places.add(place);
    this.table.places.set(place.leaseId, place);
    this.ask(place);
  }

  #forwardFitting(): void {
    let next = this.waiting.first;
    while (next !== null && this.#isForTheStore(next.demand)) {
      this.waiting.remove(next);
      this.#forward(next);
      next = this.waiting.first;
    }
  }

  #end(place: Place): void {
    if (place.state === "ended") return;
    place.end();
    place.lease = null;
    this.#permitsUsed -= place.permits;
    this.places.delete(place);
    this.table.places.delete(place.leaseId);
    this.table.renewals.delete(place);
    this.table.lookout.forget(place);
  }

  /**
   * Whether a caller whose turn it is here goes on to the store: when it fits beside the others, and when
   * none of their places could pass to it, such as a writer's behind readers, which must keep later readers
   * of other processes from overtaking it.
   */
  #isForTheStore(demand: Demand): boolean {
    if (this.#permitsUsed + demand.permits <= demand.capacity) return true;
    for (const place of this.places) if (isAlike(place, demand)) return false;
    return true;
  }

  #refuse(waiter: Waiter, outcome: "busy" | "timeout" | "aborted" | "error"): void {
    const waitMs = this.table.clock.now() - waiter.since;
    emit("lock.refused", () => ({ ...this.#subject(), waitMs, outcome }));
  }

  #subject(): { readonly backend: string; readonly resource: string } {
    return { backend: this.table.backend.name, resource: this.resource };
  }
}

/** Whether the demand asks for just what the place has. */
function isAlike(place: Place, { permits, capacity, ttlMs }: Demand): boolean {
  return place.permits === permits && place.capacity === capacity && place.ttlMs === ttlMs;
}
