/** A sample this much worse than the best one means that the store's clock leapt, not a slow reply. */
const LEAP_MS = 1_000;

/** Clocks may run at rates this far apart: ten times what time servers correct by. */
const RATE_ERROR = 1 / 200;

/**
 * Translates the store's clock to local monotonic time. A reply that shows store time `now` to a request sent
 * at local time `sentAt` proves that the store's clock showed `now` at `sentAt` or later, so store time t is
 * not before local time `sentAt + (t − now)`, less what the clocks may have drifted apart meanwhile. The
 * latest such bound is the best one.
 */
export class StoreClock {
  #sentAt = -Infinity;
  #now = 0;

  sample(sentAt: number, now: number): void {
    const known = this.local(now);
    if (sentAt >= known || sentAt < known - LEAP_MS) {
      this.#sentAt = sentAt;
      this.#now = now;
    }
  }

  /** Local time before which the store's clock certainly does not show `storeTime`; -Infinity: unknown. */
  local(storeTime: number): number {
    return this.expected(storeTime) - Math.abs(storeTime - this.#now) * RATE_ERROR;
  }

  /** When the store's clock should show `storeTime`, if it runs like ours; -Infinity: unknown. */
  expected(storeTime: number): number {
    return this.#sentAt + (storeTime - this.#now);
  }
}

/**
 * The clocks of a store, one for each lane: what lies in different lanes may be kept by different servers,
 * whose clocks are not the same.
 */
export class StoreClocks {
  readonly #clocks = new Map<string, StoreClock>();

  constructor(private readonly laneOf: (resource: string) => string) {}

  of(resource: string): StoreClock {
    const lane = this.laneOf(resource);
    let clock = this.#clocks.get(lane);
    if (clock === undefined) this.#clocks.set(lane, (clock = new StoreClock()));
    return clock;
  }

  /** After an interruption: another server may have taken over, with a clock of its own. */
  forget(): void {
    this.#clocks.clear();
  }
}

/** How much earlier than proven a lease counts as over. */
export function safetyMargin(remainingMs: number): number {
  return 1 + remainingMs * RATE_ERROR;
}
