import type { Clock } from "../../../clock.ts";
import type { Address } from "./connection.ts";

const PAUSE_MIN_MS = 20;
const PAUSE_MAX_MS = 1_000;

/** Servers in an order of chance, so that many processes spread over them, and how long to wait between. */
export class Ensemble {
  readonly #servers: Address[];
  #next = 0;
  #failures = 0;

  constructor(
    servers: readonly Address[],
    private readonly clock: Clock,
  ) {
    this.#servers = [...servers];
    for (let at = this.#servers.length - 1; at > 0; at--) {
      const other = Math.floor(clock.random() * (at + 1));
      [this.#servers[at], this.#servers[other]] = [this.#servers[other]!, this.#servers[at]!];
    }
  }

  get size(): number {
    return this.#servers.length;
  }

  next(): Address {
    const server = this.#servers[this.#next % this.#servers.length]!;
    this.#next += 1;
    return server;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /** Every server is tried once without delay; then longer pauses, of random length. */
  pauseMs(): number {
    this.#failures += 1;
    const rounds = Math.floor(this.#failures / this.size);
    if (rounds === 0) return 0;
    const most = Math.min(PAUSE_MIN_MS * 2 ** (rounds - 1), PAUSE_MAX_MS);
    return most * (0.5 + this.clock.random() / 2);
  }
}
