import { setTimeout as sleep } from "node:timers/promises";
import { BackendError, LeaseLostError, type Coordinator, type Lease } from "holdfast";

/**
 * Coordinators that compete for one mutex, turn after turn, whatever happens to the store. They share this
 * process and its clock, so that an overlap cannot be mistaken.
 */
export class Contest {
  readonly overlaps: string[] = [];
  readonly tokens: bigint[] = [];
  readonly surprises: string[] = [];
  readonly #holding = new Set<Lease>();
  readonly #all: Promise<void>[];
  #isOver = false;

  constructor(contestants: readonly Coordinator[], name: string) {
    this.#all = contestants.map((hf) => this.#compete(hf, name));
  }

  get turns(): number {
    return this.tokens.length;
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#all);
  }

  async #compete(hf: Coordinator, name: string): Promise<void> {
    while (!this.#isOver) {
      try {
        const lease = await hf.mutex(name, { fair: "strict" }).lock({ waitMs: 10_000 });
        this.#entered(lease);
        await sleep(3);
        this.#holding.delete(lease);
        await lease.release();
      } catch (error) {
        const isExpected =
          error instanceof BackendError ||
          error instanceof LeaseLostError ||
          (error as Error).name === "LockTimeoutError";
        if (!isExpected) this.surprises.push(String(error));
        await sleep(5);
      }
    }
  }

  #entered(lease: Lease): void {
    for (const other of this.#holding) {
      // Its deadline has passed, or it is one holder too many.
      if (!other.lost.aborted) this.overlaps.push(`${lease.token} entered while ${other.token} held`);
    }
    this.#holding.add(lease);
    this.tokens.push(lease.token);
  }
}
