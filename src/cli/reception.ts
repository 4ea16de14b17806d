import type { Child } from "./child.ts";
import { Interrupted } from "./failure.ts";
import { catchSignals, isEnding, type Caught } from "./signals.ts";

/** Signals go to CMD while it runs, and otherwise end the candidacy. */
export class Reception {
  readonly #stop = new AbortController();
  #child: Child | undefined;
  #last: Caught | undefined;

  constructor() {
    catchSignals((signal) => {
      if (isEnding(signal)) this.#last = signal;
      if (this.#child !== undefined) this.#child.forward(signal);
      else this.#interrupt();
    });
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  handTo(child: Child): void {
    this.#child = child;
    this.#last = undefined;
  }

  /** Who was asked to end while its command was being ended does not stand again. */
  takeBack(wasEnded: boolean): void {
    this.#child = undefined;
    if (wasEnded) this.#interrupt();
  }

  #interrupt(): void {
    if (this.#last !== undefined) this.#stop.abort(new Interrupted(this.#last));
  }
}
