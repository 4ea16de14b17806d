import { LeaseLostError, type LossReason } from "../errors.ts";
import type { Place } from "./place.ts";

/**
 * A granted lock. Exclusive (within its permits) until it is released or `lost` aborts.
 *
 * `lost` is best effort, because no signal can stop a process that is paused; the **token** is the guarantee:
 * hand it to whatever the lock protects (`fence: lease`), which refuses a token lower than one it has seen.
 */
export interface Lease extends AsyncDisposable {
  readonly resource: string;
  /** Fencing token: strictly increasing per resource, over all processes and restarts. */
  readonly token: bigint;
  /**
   * Aborts with a {@link LeaseLostError} when the lease ended before its release, at the latest when it may
   * have expired in the store, by the local monotonic clock, also when the store answers nobody.
   */
  readonly lost: AbortSignal;
  /**
   * Gives the lock back, to the next waiter if there is one. Idempotent. Settles by the lease's own deadline,
   * also when the store does not answer: then the lease runs out by itself.
   * @throws LeaseLostError if the lease was lost before: exclusivity may have been violated.
   */
  release(): Promise<void>;
}

/** A caller's hold on a place that its process has in the store's queue. */
export class HeldLease implements Lease {
  readonly resource: string;
  readonly #place: Place;
  /** How many callers of this process had the place before. */
  readonly #turn: number;
  readonly grantedAt: number;
  #lost: LossReason | undefined;
  #controller: AbortController | undefined;
  #released: Promise<void> | undefined;

  constructor(place: Place, turn: number, grantedAt: number) {
    this.resource = place.resource;
    this.#place = place;
    this.#turn = turn;
    this.grantedAt = grantedAt;
  }

  get token(): bigint {
    return BigInt(this.#place.token) * 1024n + BigInt(this.#turn);
  }

  get lost(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#lost !== undefined) this.#controller.abort(this.lossError());
    }
    this.#place.checkDeadline();
    return this.#controller.signal;
  }

  /** Whether higher tokens say that this holder is stale: not so where several may hold. */
  get shared(): boolean {
    return this.#place.permits < this.#place.capacity;
  }

  /** True once the place may have been passed on inside this process, where the store cannot see it. */
  get isReleased(): boolean {
    return this.#released !== undefined;
  }

  /** @internal Local time at which it counts as over, unless it is renewed. */
  get deadline(): number {
    return this.#place.deadline;
  }

  /** @internal Calls back, at once or later, when another process is known to wait for the place. */
  whenContended(callback: () => void): void {
    if (this.#place.contendedAt === Infinity) this.#place.onContended = callback;
    else callback();
  }

  release(): Promise<void> {
    if (this.#released === undefined) {
      this.#place.checkDeadline();
      this.#released =
        this.#lost === undefined ? this.#place.giveBack(this) : Promise.reject(this.lossError());
    }
    return this.#released;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  /** @internal */
  markLost(reason: LossReason): void {
    if (this.#lost !== undefined) return;
    this.#lost = reason;
    this.#controller?.abort(this.lossError());
  }

  /** @internal */
  lossError(): LeaseLostError {
    return new LeaseLostError(this.resource, this.token, this.#lost ?? "expired");
  }
}
