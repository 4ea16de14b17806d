import type { Cancel, Clock } from "../clock.ts";
import type { Place } from "./place.ts";
import type { StoreClocks } from "./store-clock.ts";

/** Shortest time between two looks at the same place, so that skewed clocks cause no busy loop. */
const LOOK_MIN_MS = 10;
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 1_000;
/** Places due this soon are asked about together. */
const TOGETHER_MS = 15;

/**
 * Asks again about places that wait, in case a message was lost or a holder died: when something ahead runs
 * out, after `fallbackMs` at the latest, and when told to look. One timer for all; it keeps the process
 * alive, since callers wait for what it finds.
 */
export class Lookout {
  readonly #places = new Set<Place>();
  #armedFor = Infinity;
  #cancel: Cancel | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly storeClocks: StoreClocks,
    private readonly fallbackMs: number,
    private readonly callMs: number,
  ) {}

  /** `runsOutAt`: the earliest expiry ahead of it, by the store's clock. */
  wait(place: Place, runsOutAt: number): void {
    const now = this.clock.now();
    const latest = now + this.fallbackMs * (0.95 + 0.05 * this.clock.random());
    const news = Math.max(this.storeClocks.of(place.resource).expected(runsOutAt) + 1, now + LOOK_MIN_MS);
    // A message that overtook this answer may have asked for a look that is sooner still.
    this.look(place, Math.min(latest, news, place.lookAt > now ? place.lookAt : Infinity));
  }

  /** After a failure: soon at first, then less often. */
  retry(place: Place, failingForMs: number): void {
    const delay = Math.min(Math.max(failingForMs / 2, RETRY_MIN_MS), RETRY_MAX_MS);
    this.look(place, this.clock.now() + delay * (0.5 + this.clock.random()));
  }

  look(place: Place, at: number): void {
    place.lookAt = at;
    this.#places.add(place);
    if (at < this.#armedFor) this.#arm(at);
  }

  forget(place: Place): void {
    place.lookAt = Infinity;
    if (this.#places.delete(place) && this.#places.size === 0) this.#disarm();
  }

  #arm(at: number): void {
    this.#disarm();
    this.#armedFor = at;
    this.#cancel = this.clock.timer(at - this.clock.now(), () => this.#fire(), { keepAlive: true });
  }

  #disarm(): void {
    this.#cancel?.();
    this.#armedFor = Infinity;
  }

  #fire(): void {
    this.#armedFor = Infinity;
    const now = this.clock.now();
    let next = Infinity;
    for (const place of this.#places) {
      if (place.lookAt <= now + TOGETHER_MS) {
        // The answer sets the next time; this one holds if none comes.
        place.lookAt = now + this.callMs;
        place.queue.ask(place);
      }
      next = Math.min(next, place.lookAt);
    }
    if (next !== Infinity) this.#arm(next);
  }
}
