import { systemClock, type Cancel } from "./clock.ts";

const RETRY_MIN_MS = 20;
const RETRY_MAX_MS = 400;

/**
 * Opens again what has ended: at once at first, then after pauses that grow to {@link RETRY_MAX_MS}
 * so that waiters go on soon after a failover. Never keeps the process alive: who waits for
 * something does that.
 */
export class Reopening {
  readonly #open: () => Promise<void>;
  #failures = 0;
  #cancel: Cancel | undefined;
  #isClosed = false;

  /** `open` settles in bounded time. */
  constructor(open: () => Promise<void>) {
    this.#open = open;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Call when it has ended; more often does no harm. */
  ended(): void {
    if (this.#isClosed || this.#cancel !== undefined) return;
    const pause = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** this.#failures);
    this.#failures += 1;
    const jittered = pause * (0.5 + systemClock.random() / 2);
    this.#cancel = systemClock.timer(jittered, () => void this.#again(), { keepAlive: false });
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  async #again(): Promise<void> {
    try {
      await this.#open();
      this.#failures = 0;
      this.#cancel = undefined;
    } catch {
      this.#cancel = undefined;
      this.ended();
    }
  }
}
