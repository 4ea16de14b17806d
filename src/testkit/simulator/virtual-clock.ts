import { setImmediate as turn } from "node:timers/promises";
import type { Cancel, Clock } from "../../clock.ts";
import { Dice } from "./dice.ts";

/** So many timers at one moment mean a busy loop. */
const STANDSTILL = 10_000;

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/**
 * Time that passes only when told to, chance from a seed, and identities that count up. What timers and
 * promises do while time passes happens in one fixed order.
 */
export class VirtualClock implements Clock {
  readonly #dice: Dice;
  readonly #timers = new Set<Timer>();
  #yields: (() => void)[] = [];
  #now = 0;
  #wallAhead: number;
  #order = 0;

  /** @param start What the wall clock shows at the beginning, ms since 1970. */
  constructor(seed = 1, start = 1_700_000_000_000) {
    this.#dice = new Dice(seed);
    this.#wallAhead = start;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return Math.floor(this.#now + this.#wallAhead);
  }

  /** Sets the wall clock, as an administrator or a time server does. The monotonic time goes on. */
  jump(ms: number): void {
    this.#wallAhead += ms;
  }

  /** @throws RangeError if `ms` is not a number: a real timer would take it for one millisecond. */
  timer(ms: number, fire: () => void, _options?: { readonly keepAlive: boolean }): Cancel {
    if (Number.isNaN(ms)) throw new RangeError("a timer for NaN ms");
    const timer = { at: this.#now + Math.max(ms, 0), order: (this.#order += 1), fire };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  yield(fire: () => void): void {
    this.#yields.push(fire);
  }

  random(): number {
    return this.#dice.throw();
  }

  id(): string {
    return `id${(this.#order += 1)}`;
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#timers.size;
  }

  /** When the next timer is due, on the monotonic clock; undefined without timers. */
  get next(): number | undefined {
    return this.#due(Infinity)?.at;
  }

  /** Lets time pass: fires what is due in order, and lets promises settle after each. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    let atOneMoment = 0;
    await this.drain();
    for (let timer = this.#due(until); timer !== undefined; timer = this.#due(until)) {
      atOneMoment = timer.at > this.#now ? 0 : atOneMoment + 1;
      if (atOneMoment > STANDSTILL) throw new Error(`time stands still: ${STANDSTILL} timers at once`);
      this.#now = Math.max(this.#now, timer.at);
      this.#timers.delete(timer);
      timer.fire();
      await this.drain();
    }
    this.#now = until;
  }

  /** Lets promises settle, and whatever they yield to, without any time passing. */
  async drain(): Promise<void> {
    await turn();
    while (this.#yields.length > 0) {
      const yields = this.#yields;
      this.#yields = [];
      for (const fire of yields) fire();
      await turn();
    }
  }

  #due(until: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at > until) continue;
      const sooner =
        first === undefined ||
        timer.at < first.at ||
        (timer.at === first.at && timer.order < first.order);
      if (sooner) first = timer;
    }
    return first;
  }
}
