import { ALL } from "../backend.ts";
import type { Cancel } from "../clock.ts";
import { BackendError, LeaseLostError, StaleTokenError } from "../errors.ts";
import type { Demand } from "./demand.ts";
import { companions, valueTag } from "./leader.ts";
import { HeldLease } from "./lease.ts";
import { Lock } from "./lockable.ts";
import type { LockTable } from "./lock-table.ts";
import { checkText } from "./options.ts";

/** A leader steps down when this part of its lease is left and has not been renewed. */
const MARGIN = 1 / 4;
export const ID_MAX_BYTES = 128;
export const VALUE_MAX_BYTES = 512;

/**
 * A time of leadership. Nobody else leads until it is over or `lost` aborts. As with every lease the signals
 * are best effort; the token is the guarantee: write with `fence: term`.
 */
export interface Term {
  /** The election's name, which is the fenced lock's. */
  readonly resource: string;
  /** The candidate's. */
  readonly id: string;
  /** The term's number and fencing token: higher for each later leader. */
  readonly token: bigint;
  /**
   * Aborts when the work should end: a quarter of the lease is left and could not be renewed, somebody wants
   * a hand-over, `resign()` was called, the candidate's own signal has aborted, or the term was lost.
   * Nobody succeeds before the work has settled, unless it takes longer than that quarter.
   */
  readonly signal: AbortSignal;
  /** Aborts with a LeaseLostError: from now on somebody else may lead. */
  readonly lost: AbortSignal;
  /**
   * Shows observers a value, such as the leader's address, in place of the one before. At most 512 bytes.
   * Resolves when the store shows it. @throws what `signal` says, once the term is to end; BackendError
   */
  proclaim(value: string): Promise<void>;
  /** Ends the work, by `signal`, and with it the candidacy. */
  resign(): void;
}

export class HeldTerm implements Term {
  readonly resource: string;
  readonly token: bigint;
  /** Whether `resign()` was called: the candidate does not want to lead again. */
  isResigned = false;
  readonly #ending = new AbortController();
  /** Aborts when all is over, the work included. */
  readonly #over = new AbortController();
  #value: HeldLease | undefined;
  #proclaiming: Promise<void> = Promise.resolve();
  #cancelWatch: Cancel | undefined;

  constructor(
    readonly id: string,
    private readonly lease: HeldLease,
    private readonly ttlMs: number,
    private readonly table: LockTable,
  ) {
    this.resource = lease.resource;
    this.token = lease.token;
    const { lost } = lease;
    if (lost.aborted) this.stop(lost.reason);
    lost.addEventListener("abort", () => this.stop(lost.reason), { once: true });
    this.#watchRenewal(lease.deadline, (lease.deadline - table.clock.now()) * MARGIN);
    void this.#hearRequests();
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  get lost(): AbortSignal {
    return this.lease.lost;
  }

  async proclaim(value: string): Promise<void> {
    checkText(value, "a leader's value", 0, VALUE_MAX_BYTES);
    const proclaimed = this.#proclaiming.then(() => this.#proclaim(value));
    this.#proclaiming = proclaimed.catch(() => undefined);
    await proclaimed;
  }

  resign(): void {
    this.isResigned = true;
    this.stop(new DOMException("the leader has resigned", "AbortError"));
  }

  handOver(): void {
    this.stop(new DOMException("the leader was asked to hand over", "AbortError"));
  }

  stop(reason: unknown): void {
    this.#ending.abort(reason);
  }

  /** Whether an error of the work is but the way in which it was stopped. */
  explains(error: unknown): boolean {
    if (!this.signal.aborted) return false;
    if (error === this.signal.reason || error instanceof LeaseLostError) return true;
    return error instanceof StaleTokenError || (error instanceof Error && error.name === "AbortError");
  }

  /** The work has settled: gives leadership back. Resolves with whether it had been exclusive until then. */
  async end(): Promise<boolean> {
    this.stop(new DOMException("the term is over", "AbortError"));
    this.#over.abort(this.signal.reason);
    this.#cancelWatch?.();
    const released = this.lease.release();
    const silenced = this.#proclaiming.then(() => this.#value?.release());
    const [outcome] = await Promise.allSettled([released, silenced]);
    return outcome.status === "fulfilled";
  }

  /** Renewals move the deadline meanwhile. The lease of a hand-over is short until its first one. */
  #watchRenewal(deadline: number, marginMs: number): void {
    const left = deadline - this.table.clock.now() - marginMs;
    this.#cancelWatch = this.table.clock.timer(
      left,
      () => {
        if (this.#over.signal.aborted) return;
        if (this.lease.deadline > deadline) {
          return this.#watchRenewal(this.lease.deadline, this.ttlMs * MARGIN);
        }
        this.stop(new DOMException("the lease could not be renewed in time", "AbortError"));
      },
      { keepAlive: false },
    );
  }

  async #proclaim(value: string): Promise<void> {
    this.signal.throwIfAborted();
    const lease = await this.table.acquire(companions(this.resource).value, {
      ...candidacy(this.ttlMs, this.signal, valueTag(this.token, value)),
      capacity: ALL,
    });
    const before = this.#value;
    this.#value = lease ?? undefined;
    await before?.release().catch(() => undefined); // lost: it was to go anyway
  }

  /** Holds the lock that means "I hear requests", until somebody waits for it or the term is over. */
  async #hearRequests(): Promise<void> {
    const { table, ttlMs } = this;
    const requests = new Lock(companions(this.resource).handOver, 1, 1, table, { ttlMs, fair: "strict" });
    const over = this.#over.signal;
    while (!over.aborted) {
      const lease = await requests.lock({ signal: over }).catch((error: unknown) => error);
      // The store did not answer for as long as a lease lasts: meanwhile nobody is heard.
      if (lease instanceof BackendError) continue;
      if (!(lease instanceof HeldLease)) return;
      await new Promise<void>((resolve) => {
        lease.whenContended(() => this.handOver());
        for (const signal of [over, lease.lost]) {
          if (signal.aborted) resolve();
          signal.addEventListener("abort", () => resolve(), { once: true });
        }
      });
      await lease.release().catch(() => undefined); // lost: gone already
    }
  }
}

/** One of one, in the store's own queue: a term is never passed on inside a process, under another's id. */
export function candidacy(ttlMs: number, signal: AbortSignal | undefined, tag: string): Demand {
  const demand = { permits: 1, capacity: 1, ttlMs, waitMs: Infinity, wait: true, strict: true, steal: false };
  return { ...demand, signal, tag };
}
