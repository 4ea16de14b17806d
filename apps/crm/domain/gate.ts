import { Refusal } from "./refusals.ts";

/** Lets few at a time do dear work and a bounded number wait; whoever comes beyond that is sent away. */
export class Gate {
  #inside = 0;
  readonly #queue: (() => void)[] = [];

  constructor(
    private readonly places: number,
    private readonly queueMax: number,
  ) {}

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#inside >= this.places) {
      if (this.#queue.length >= this.queueMax)
        throw new Refusal("busy", "too many at once; try again soon");
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    } else {
      this.#inside += 1;
    }
    try {
      return await work();
    } finally {
      // The place passes straight to the next in the queue, so that nobody slips in between.
      const next = this.#queue.shift();
      if (next === undefined) this.#inside -= 1;
      else next();
    }
  }
}
