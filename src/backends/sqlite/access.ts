import type { Cancel, Clock } from "../../clock.ts";
import type { Line } from "./line.ts";
import { retryDelay, standingDelay } from "./retry.ts";
import type { Turn } from "./turn.ts";

/**
 * How long a process goes on when others wait. Each handing on costs a fraction of a millisecond.
 */
const STREAK_MS = 1;

/**
 * After handing on, how long a process stands in line instead of trying: the other needs time to
 * wake up.
 */
const COURTESY_MS = 10;

/**
 * A caller who awaits one call after the other asks again within this many turns of the event loop.
 */
const IDLE_TURNS = 2;

export interface AccessOptions {
  readonly clock: Clock;
  readonly turn: Turn;
  /** Undefined: nobody can wake this process, it tries again now and then. */
  readonly line: Line | undefined;
  readonly hasWork: () => boolean;
  /** To be called when `mayTry` may answer otherwise than before. */
  readonly resume: () => void;
}

/**
 * Decides when to try for the write lock, so that all processes get their share without crowding
 * each other.
 */
export class Access {
  #refusals = 0;
  #cancelWait: Cancel | undefined;
  #streakSince: number | undefined;
  #courteousUntil = -Infinity;
  #watching = false;
  #idleTurns = 0;

  constructor(readonly options: AccessOptions) {}

  /** Whether to try now, with a request that is so old; if not, `resume` is called in time. */
  mayTry(ageMs: number): boolean {
    if (this.#cancelWait !== undefined) return false;
    const { clock, turn } = this.options;
    if (clock.now() < this.#courteousUntil) this.#stand(ageMs);
    else if (turn.spent) this.#waitForTurn();
    else return true;
    return false;
  }

  refused(ageMs: number): void {
    this.#refusals += 1;
    this.#streakSince = undefined;
    /* Most transactions are over at once. */
    if (this.#refusals === 1) this.#waitForTurn();
    else if (this.#refusals === 2 || this.options.line === undefined) {
      this.#wait(retryDelay(this.options.clock, this.#refusals, ageMs));
    } else this.#stand(ageMs);
  }

  granted(): void {
    const { clock, line } = this.options;
    this.#refusals = 0;
    this.#courteousUntil = -Infinity;
    if (line === undefined) return;
    line.leave();
    this.#streakSince ??= clock.now();
    this.#idleTurns = 0;
    this.#watch();
  }

  /** Another process is done, and this one is next. */
  woken(): void {
    if (this.#cancelWait === undefined) {
      /* Not waiting any more: then somebody else is next. */
      if (!this.options.hasWork()) this.options.line?.handOn();
      return;
    }
    this.#cancelWait();
    this.#resume();
  }

  close(): void {
    this.#cancelWait?.();
    this.options.line?.leave();
  }

  #stand(ageMs: number): void {
    const { clock, line } = this.options;
    const ahead = line?.join(clock.wall() - ageMs) ?? 0;
    this.#wait(standingDelay(clock, ahead, ageMs));
  }

  #wait(ms: number): void {
    this.#cancelWait = this.options.clock.timer(ms, () => this.#resume(), { keepAlive: true });
  }

  #waitForTurn(): void {
    let cancelled = false;
    this.#cancelWait = () => (cancelled = true);
    this.options.clock.yield(() => {
      if (!cancelled) this.#resume();
    });
  }

  #resume(): void {
    this.#cancelWait = undefined;
    this.#courteousUntil = -Infinity;
    this.options.resume();
  }

  /** Looks when this turn of the event loop is over whether somebody else wants the lock. */
  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    this.options.clock.yield(() => {
      this.#watching = false;
      this.#handOnIfDue();
    });
  }

  #handOnIfDue(): void {
    const { clock, line, hasWork } = this.options;
    if (line === undefined || this.#streakSince === undefined) return;
    const now = clock.now();
    const idle = !hasWork();
    if (idle) this.#idleTurns += 1;
    if (idle ? this.#idleTurns < IDLE_TURNS : now - this.#streakSince < STREAK_MS) return this.#watch();
    this.#streakSince = undefined;
    if (line.isOccupied && line.handOn()) this.#courteousUntil = now + COURTESY_MS;
  }
}
