import { systemClock, type Cancel } from "../../clock.ts";

/**
 * How often a connection is tried, since one that died silently looks like one on which nothing
 * happens …
 */
const TRY_MS = 10_000;
/** … and how long the server may take to answer. */
const ANSWER_MS = 5_000;

/** Calls `dead` once the server has not answered in time. Never keeps the process alive. */
export class Heartbeat {
  #cancel: Cancel;
  #isUsed = false;

  /** `usedMs`: only a connection that was `used` meanwhile is tried, after so long. */
  constructor(
    private readonly ping: () => Promise<unknown>,
    private readonly dead: () => void,
    private readonly usedMs?: number,
  ) {
    this.#cancel = this.#later();
  }

  used(): void {
    this.#isUsed = true;
  }

  stop(): void {
    this.#cancel();
    this.#cancel = (): void => undefined;
  }

  #later(): Cancel {
    return systemClock.timer(this.usedMs ?? TRY_MS, () => this.#try(), { keepAlive: false });
  }

  #try(): void {
    if (this.usedMs !== undefined && !this.#isUsed) {
      this.#cancel = this.#later();
      return;
    }
    this.#isUsed = false;
    const cancel = systemClock.timer(ANSWER_MS, this.dead, { keepAlive: false });
    this.#cancel = cancel;
    this.ping().then(
      () => {
        cancel();
        // Unless it was stopped meanwhile.
        if (this.#cancel === cancel) this.#cancel = this.#later();
      },
      // The connection has ended, and says so itself.
      () => cancel(),
    );
  }
}
