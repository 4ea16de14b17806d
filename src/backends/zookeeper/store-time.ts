import { systemClock, type Cancel, type Clock } from "../../clock.ts";

/** This host's wall clock when the process began to look, carried on by the monotonic one: it never jumps. */
const ORIGIN = systemClock.wall() - systemClock.now();

/**
 * The clock of the contract. ZooKeeper has none to offer, and needs none: it ends sessions by its own, and
 * every other end of a place is brought about by the process that has the place. So no process judges another
 * by its clock, and each may take its own.
 */
export class StoreTime {
  constructor(
    private readonly clock: Clock,
    /** Local time until when the session certainly lives, by the system's clock. */
    private readonly sessionUntil: () => number,
  ) {}

  /** Whole ms since 1970. */
  now(): number {
    return Math.floor(ORIGIN + this.clock.now());
  }

  /** The end of what begins at `at` and lasts so long, unless the session may end before. */
  end(at: number, ms: number): number {
    const sessionMs = this.sessionUntil() - systemClock.now();
    return Math.min(at + ms, Math.floor(this.now() + sessionMs));
  }

  /** Calls when the clock shows `at`, and not before. */
  when(at: number, fire: () => void): Cancel {
    const ms = Math.max(0, at - (ORIGIN + this.clock.now()));
    return this.clock.timer(ms + ROUNDING_MS, fire, { keepAlive: false });
  }
}

/** Node's timers may fire a fraction of a millisecond early. */
const ROUNDING_MS = 0.5;
