import type { Clock } from "../../clock.ts";
import { ClosedError } from "../../errors.ts";
import type { Lease } from "../../locks/lease.ts";
import type { Lockable } from "../../locks/lockable.ts";

/**
 * The lock only makes refusals rarer, the conditional write decides. So nobody waits long for one that
 * somebody who died still holds …
 */
const WAIT_MS = 1_000;
/** … and one that could not be had is not asked for again for a while. */
const WITHOUT_MS = 5_000;

/** A process's turn at a record that many processes want to write at once: the record's fair lock. */
export class Turn {
  #held: { readonly lease: Lease; readonly since: number } | undefined;
  #waiting: AbortController | undefined;
  #withoutUntil = 0;

  constructor(
    private readonly lock: Lockable,
    private readonly clock: Clock,
  ) {}

  get isHeld(): boolean {
    return this.#held !== undefined && !this.#held.lease.lost.aborted;
  }

  get heldMs(): number {
    return this.#held === undefined ? 0 : this.clock.now() - this.#held.since;
  }

  /** False: it goes on without. @throws ClosedError */
  async take(): Promise<boolean> {
    if (this.isHeld) return true;
    this.end();
    if (this.clock.now() < this.#withoutUntil) return false;
    const waiting = new AbortController();
    this.#waiting = waiting;
    try {
      const lease = await this.lock.lock({ waitMs: WAIT_MS, signal: waiting.signal });
      this.#held = { lease, since: this.clock.now() };
      return true;
    } catch (error) {
      if (error instanceof ClosedError) throw error;
      if (!waiting.signal.aborted) this.#withoutUntil = this.clock.now() + WITHOUT_MS;
      return false;
    } finally {
      this.#waiting = undefined;
    }
  }

  /** Nobody is left who would need it. */
  giveUp(): void {
    this.#waiting?.abort();
  }

  end(): void {
    // A lease that was lost has done no harm: see above.
    void this.#held?.lease.release().catch(() => undefined);
    this.#held = undefined;
  }
}
