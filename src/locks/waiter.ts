import type { Cancel } from "../clock.ts";
import { LockTimeoutError } from "../errors.ts";
import type { Demand } from "./demand.ts";
import type { HeldLease } from "./lease.ts";
import type { LocalQueue } from "./local-queue.ts";
import type { Place } from "./place.ts";

/** A caller that wants a lease, until it has its answer. A link of its resource's local queue. */
export class Waiter {
  previous: Waiter | null = null;
  next: Waiter | null = null;
  isQueued = false;
  isSettled = false;
  place: Place | null = null;
  #cancelTimeout: Cancel | undefined;
  #onAbort: (() => void) | undefined;

  constructor(
    readonly queue: LocalQueue,
    readonly demand: Demand,
    readonly since: number,
    private readonly resolve: (lease: HeldLease | null) => void,
    private readonly reject: (error: unknown) => void,
  ) {}

  /** Starts the clock on its patience. Called after the first attempt, which often settles nothing more. */
  arm(): void {
    const { demand, queue } = this;
    if (this.isSettled) return;
    // Who does not wait for a holder waits for the store's answer all the same.
    if (demand.wait && demand.waitMs !== Infinity) {
      this.#cancelTimeout = queue.table.clock.timer(demand.waitMs, () => this.#timeOut(), {
        keepAlive: true,
      });
    }
    if (demand.signal !== undefined) {
      this.#onAbort = () => this.fail(demand.signal?.reason, "aborted");
      demand.signal.addEventListener("abort", this.#onAbort, { once: true });
    }
  }

  /** Hands out the lease, or null: it was busy and the caller would not wait. */
  settle(lease: HeldLease | null): void {
    this.#finish();
    this.resolve(lease);
  }

  fail(error: unknown, outcome: "timeout" | "aborted" | "error"): void {
    if (this.isSettled) return;
    this.#finish();
    this.queue.abandon(this, outcome);
    this.reject(error);
  }

  #timeOut(): void {
    const { resource } = this.queue;
    const error = new LockTimeoutError(resource, this.demand.waitMs, this.queue.ahead(this));
    this.fail(error, "timeout");
  }

  #finish(): void {
    this.isSettled = true;
    this.#cancelTimeout?.();
    if (this.#onAbort !== undefined) this.demand.signal?.removeEventListener("abort", this.#onAbort);
  }
}

/** First in, first out, and out of the middle in one step. */
export class WaiterList {
  first: Waiter | null = null;
  #last: Waiter | null = null;
  length = 0;

  push(waiter: Waiter): void {
    waiter.previous = this.#last;
    if (this.#last === null) this.first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
    waiter.isQueued = true;
    this.length += 1;
  }

  remove(waiter: Waiter): void {
    if (!waiter.isQueued) return;
    if (waiter.previous === null) this.first = waiter.next;
    else waiter.previous.next = waiter.next;
    if (waiter.next === null) this.#last = waiter.previous;
    else waiter.next.previous = waiter.previous;
    waiter.previous = waiter.next = null;
    waiter.isQueued = false;
    this.length -= 1;
  }

  *[Symbol.iterator](): Iterator<Waiter> {
    let waiter = this.first;
    while (waiter !== null) {
      const { next } = waiter;
      yield waiter;
      waiter = next;
    }
  }
}
