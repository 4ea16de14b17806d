/** A sample older than this says little about the present offset, because clocks drift. */
const SAMPLE_LIFE_MS = 30_000;

/** A sample this much worse than the best one means that the store's clock leapt, not that a reply was slow. */
const LEAP_MS = 1_000;

/**
 * Translates the store's clock to local monotonic time, never erring late. A reply that shows store time `now`
 * to a request sent at local time `sentAt` proves that the store's clock showed `now` at `sentAt` or later, so
 * store time t is not before local time `sentAt + (t − now)`. The latest such bound is the best one.
 */
export class StoreClock {
  #offset = -Infinity;
  #sampledAt = -Infinity;

  sample(sentAt: number, now: number): void {
    const offset = sentAt - now;
    const isStale = sentAt - this.#sampledAt > SAMPLE_LIFE_MS;
    if (offset >= this.#offset || isStale || offset < this.#offset - LEAP_MS) {
      this.#offset = offset;
      this.#sampledAt = sentAt;
    }
  }

  /** Local time before which the store's clock certainly does not show `storeTime`; -Infinity: unknown. */
  local(storeTime: number): number {
    return storeTime + this.#offset;
  }
}

/** How much earlier than proven a lease counts as over: clocks may run at rates up to 0.5 % apart. */
export function safetyMargin(remainingMs: number): number {
  return 1 + remainingMs / 200;
}
