import type { Cancel, Clock } from "../../clock.ts";
import type { Line } from "./line.ts";
import { retryDelay, standingDelay } from "./retry.ts";
import type { Turn } from "./turn.ts";

/**
 * A turn, while others wait, lasts at least as long and as many transactions as this: handing on
 * costs a fraction of a millisecond, and time alone would give less to whom the system lets wait …
 */
const STREAK_MS = 1;
const STREAK_MIN = 8;
/** … and at most so long. */
const STREAK_MAX_MS = 20;

/**
 * How long the one who was called may take to wake up, before others try although nobody is ahead of them.
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
 * each other. Whoever finds others in line stands behind them, also whoever has just been served;
 * a try past them would win more often than not, because they sleep.
 */
export class Access {
  #refusals = 0;
  #cancelWait: Cancel | undefined;
  /** Since when it has had its turn, and how many transactions that were. */
  #streakSince: number | undefined;
  #streak = 0;
  /** Whether the last transaction was asked to take something that will soon be given back. */
  #hasTaken = false;
  /** Whether it may try past the line: it was called, or the line does not move. */
  #isNext = false;
  /** When it last called another one, by the monotonic clock. */
  #servedUntil = -Infinity;
  #watching = false;
  #idleTurns = 0;

  constructor(readonly options: AccessOptions) {}

  /** Whether to try now, with a request that is so old; if not, `resume` is called in time. */
  mayTry(ageMs: number): boolean {
    if (this.#cancelWait !== undefined) return false;
    const { turn } = this.options;
    if (!this.#isNext && this.#streakSince === undefined && this.#othersComeFirst()) this.#stand(ageMs);
    else if (turn.spent) this.#waitForTurn();
    else return true;
    return false;
  }

  refused(ageMs: number): void {
    const { clock, line } = this.options;
    this.#refusals += 1;
    this.#streakSince = undefined;
    this.#isNext = false;
    if (this.#othersComeFirst()) this.#stand(ageMs);
    /* Most transactions are over at once. */
    else if (this.#refusals === 1) this.#waitForTurn();
    else if (this.#refusals === 2 || line === undefined) {
      this.#wait(retryDelay(clock, this.#refusals, ageMs));
    } else this.#stand(ageMs);
  }

  /** `hasTaken`: a lock, perhaps, so that who hands on now lets others wait for a whole round. */
  granted(hasTaken: boolean): void {
    const { clock, line } = this.options;
    this.#refusals = 0;
    this.#isNext = false;
    if (line === undefined) return;
    line.leave();
    if (this.#streakSince === undefined) {
      this.#streakSince = clock.now();
      this.#streak = 0;
    }
    this.#streak += 1;
    this.#hasTaken = hasTaken;
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
    this.#isNext = true;
    this.#resume();
  }

  close(): void {
    this.#cancelWait?.();
    this.options.line?.leave();
  }

  #othersComeFirst(): boolean {
    const { clock, line } = this.options;
    if (line === undefined) return false;
    return line.isOccupied || clock.now() < this.#servedUntil + COURTESY_MS;
  }

  /** In line behind all who came before, however old the request: one turn each. */
  #stand(ageMs: number): void {
    const { clock, line } = this.options;
    const now = clock.now();
    const since = clock.wall() - Math.min(ageMs, now - this.#servedUntil);
    this.#standBehind(line?.join(since) ?? 0, now - ageMs);
  }

  #standBehind(ahead: number, requestedAt: number): void {
    const { clock, line } = this.options;
    const ms = standingDelay(clock, ahead, clock.now() - requestedAt);
    this.#wait(ms, () => {
      const left = line?.ahead() ?? 0;
      if (left > 0 && left < ahead) return this.#standBehind(left, requestedAt);
      this.#isNext = true;
      this.#resume();
    });
  }

  #wait(ms: number, then = (): void => this.#resume()): void {
    this.#cancelWait = this.options.clock.timer(ms, then, { keepAlive: true });
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
    if (!hasWork()) this.#idleTurns += 1;
    /* Who has no work at this moment may have had plenty within the same turn of the event loop. */
    if (this.#idleTurns < IDLE_TURNS && !this.#isServed(now - this.#streakSince)) return this.#watch();
    this.#streakSince = undefined;
    if (line.isOccupied && line.handOn()) this.#servedUntil = now;
  }

  #isServed(ms: number): boolean {
    if (ms >= STREAK_MAX_MS) return true;
    return ms >= STREAK_MS && this.#streak >= STREAK_MIN && !this.#hasTaken;
  }
}
