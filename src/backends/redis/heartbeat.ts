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

  constructor(
    private readonly ping: () => Promise<unknown>,
    private readonly dead: () => void,
  ) {
    this.#cancel = this.#later();
  }

  stop(): void {
    this.#cancel();
    this.#cancel = (): void => undefined;
  }

  #later(): Cancel {
    return systemClock.timer(TRY_MS, () => this.#try(), { keepAlive: false });
  }

  #try(): void {
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
