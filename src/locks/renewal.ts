import type { Renewal, RenewRequest } from "../backend.ts";
import type { Cancel, Clock } from "../clock.ts";
import type { BackendError } from "../errors.ts";
import type { Place } from "./place.ts";
import { safetyMargin } from "./store-clock.ts";

/** Leases are renewed when this part of their time is over. */
const RENEW_AFTER = 1 / 3;
/** Leases due within this part of their time of each other are renewed together. */
const TOGETHER = 1 / 20;
/** A renewal that failed or hangs is tried again after this part of the time that is left. */
const RETRY_AFTER = 1 / 4;
const RETRY_MIN_MS = 10;

type Send = (
  request: RenewRequest,
  answered: (renewal: Renewal, sentAt: number, now: number) => void,
  failed: (error: BackendError) => void,
) => void;

/**
 * Keeps granted places alive, many to a call. A renewal that nobody answers holds up neither the next try nor
 * the deadline, which has a timer of its own.
 */
export class Renewals {
  /** Places by the moment at which they are due, which is rounded so that many share one. */
  readonly #due = new Map<number, Set<Place>>();
  #armedFor = Infinity;
  #cancel: Cancel | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly send: Send,
  ) {}

  /** Renews when a third of the time that remains is over, or `within` so many ms if that is sooner. */
  add(place: Place, remainingMs: number, within = Infinity): void {
    const delay = Math.min(remainingMs * RENEW_AFTER, within);
    this.#schedule(place, delay, Math.max(1, Math.min(remainingMs * TOGETHER, within / 4)));
  }

  delete(place: Place): void {
    const due = this.#due.get(place.renewAt);
    if (due?.delete(place) && due.size === 0) this.#due.delete(place.renewAt);
    place.renewAt = Infinity;
  }

  stop(): void {
    this.#cancel?.();
    this.#due.clear();
  }

  #schedule(place: Place, delayMs: number, roundedToMs: number): void {
    this.delete(place);
    const at = Math.floor((this.clock.now() + delayMs) / roundedToMs) * roundedToMs;
    place.renewAt = at;
    const due = this.#due.get(at);
    if (due === undefined) this.#due.set(at, new Set([place]));
    else due.add(place);
    if (at < this.#armedFor) this.#arm(at);
  }

  #arm(at: number): void {
    this.#cancel?.();
    this.#armedFor = at;
    this.#cancel = this.clock.timer(at - this.clock.now(), () => this.#fire(), { keepAlive: false });
  }

  #fire(): void {
    this.#armedFor = Infinity;
    const now = this.clock.now();
    for (const [at, places] of [...this.#due]) {
      if (at <= now) for (const place of places) this.#renew(place, now);
    }
    let next = Infinity;
    for (const at of this.#due.keys()) next = Math.min(next, at);
    if (next < this.#armedFor) this.#arm(next);
  }

  #renew(place: Place, now: number): void {
    place.checkDeadline();
    if (place.state !== "granted") return;
    const retryIn = Math.max(RETRY_MIN_MS, (place.deadline - now) * RETRY_AFTER);
    this.#schedule(place, retryIn, 1);
    const { resource, leaseId, ttlMs } = place;
    this.send(
      { resource, leaseId, ttlMs },
      (renewal, sentAt, storeNow) => this.#renewed(place, renewal, sentAt, storeNow),
      () => undefined, // tried again in time, and reported by the batch
    );
  }

  #renewed(place: Place, renewal: Renewal, sentAt: number, storeNow: number): void {
    if (place.state !== "granted") return;
    if (renewal.kind === "gone") return place.lose("expired");
    const remaining = renewal.expiresAt - storeNow;
    place.deadline = Math.max(place.deadline, sentAt + remaining - safetyMargin(remaining));
    if (renewal.waiting > 0) place.markContended();
    this.add(place, remaining);
  }
}
