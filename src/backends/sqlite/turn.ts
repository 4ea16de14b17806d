import type { Clock } from "../../clock.ts";

/** How long SQLite may keep one turn of the event loop, all backends of this process together. */
const TURN_MS = 2;

/**
 * SQLite works while the caller waits for it, and a loop that awaits one finished call after the
 * other never lets timers and sockets have a turn. So after some milliseconds of work the next step
 * waits for one.
 */
export class Turn {
  static readonly #all = new WeakMap<Clock, Turn>();
  #began: number | undefined;

  private constructor(readonly clock: Clock) {}

  static of(clock: Clock): Turn {
    let turn = Turn.#all.get(clock);
    if (turn === undefined) Turn.#all.set(clock, (turn = new Turn(clock)));
    return turn;
  }

  get spent(): boolean {
    const now = this.clock.now();
    if (this.#began !== undefined) return now - this.#began >= TURN_MS;
    this.#began = now;
    this.clock.yield(() => (this.#began = undefined));
    return false;
  }

  /** Resolves in a turn that has time left. */
  async free(): Promise<void> {
    while (this.spent) await new Promise<void>((resolve) => this.clock.yield(resolve));
  }
}
