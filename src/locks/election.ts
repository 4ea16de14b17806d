import type { Inspection } from "../backend.ts";
import { sleep } from "../clock.ts";
import { BackendError, LeaseLostError } from "../errors.ts";
import { on } from "../events.ts";
import { companions, sighted, tagOf, type Leader, type Sighting } from "./leader.ts";
import type { HeldLease } from "./lease.ts";
import { Lock } from "./lockable.ts";
import type { LockTable } from "./lock-table.ts";
import { checkSignal, checkText, checkTtl, type LockOptions } from "./options.ts";
import { candidacy, HeldTerm, ID_MAX_BYTES, type Term } from "./term.ts";

/** After a failure of the store, a candidate stands again; somebody who wants a hand-over asks again. */
const AGAIN_MS = 100;

export interface LeadOptions {
  /** Withdraws the candidate, also while it leads: then its work is ended first. */
  readonly signal?: AbortSignal;
  /** How long the lease lasts without renewal: how long nobody leads when the leader dies. As for locks. */
  readonly ttlMs?: number;
  /** Stand once: reject, instead of standing again, when the store fails or a term ends before its work. */
  readonly once?: boolean;
}

export interface ObserveOptions {
  readonly signal?: AbortSignal;
}

/** What an election needs of the coordinator that it belongs to. */
export interface Electorate {
  readonly table: LockTable;
  readonly ttlMs: number;
  readonly fallbackMs: number;
  /** Terms of this coordinator's candidates, which no message of the store can reach. */
  readonly terms: Set<HeldTerm>;
  readonly inspect: (resource: string) => Promise<Inspection>;
}

/**
 * At most one leader at a time, first come, first served. A description: immutable, free to make. A term is
 * a lease on the mutex of the election's name, and its number is the fencing token.
 */
export class Election {
  constructor(
    readonly name: string,
    private readonly electorate: Electorate,
  ) {}

  /**
   * Stands for election, and runs `work` once elected. Leadership ends when the work has settled, not before,
   * unless it is lost. Resolves with the result of a work that came to its own end, or that had called
   * `term.resign()`. Stands again, at the end of the queue, when a term was to end before its work: by loss,
   * by a lease that was not renewed in time, by request; and when the store fails.
   * @throws what the work throws, unless that is only how it was stopped
   * @throws the signal's reason when it aborts, once the work has settled
   */
  async lead<T>(
    id: string,
    work: (term: Term) => T | PromiseLike<T>,
    options: LeadOptions = {},
  ): Promise<T> {
    checkText(id, "a candidate's id", 1, ID_MAX_BYTES);
    if (typeof work !== "function") {
      throw new TypeError("lead takes an id and the work: lead(hostname(), async (term) => …, { signal })");
    }
    const ttlMs = options.ttlMs === undefined ? this.electorate.ttlMs : checkTtl(options.ttlMs);
    const signal = checkSignal(options.signal);
    const once = options.once === true;
    for (;;) {
      const lease = await this.#stand(id, ttlMs, signal, once);
      const served = await this.#serve(new HeldTerm(id, lease, ttlMs, this.electorate.table), work, signal);
      if ("result" in served) return served.result;
      signal?.throwIfAborted();
      if (once) throw served.reason;
    }
  }

  /** Who leads now; null: nobody. */
  async leader(): Promise<Leader | null> {
    return (await this.#look())?.leader ?? null;
  }

  /**
   * Each leader in turn, and again when it proclaims a value: the present one first, and none after a later
   * one. Terms and values that were over between two looks are left out. What the store shows is reported
   * within the coordinator's `fallbackMs`, at once if the leader is this very process, and goes on after the
   * store was out of reach. Ends only by leaving the loop, or rejects with the signal's reason.
   */
  async *observe(options: ObserveOptions = {}): AsyncGenerator<Leader, void, undefined> {
    const signal = checkSignal(options.signal);
    const { fallbackMs, table } = this.electorate;
    const watched = new Set([this.name, companions(this.name).value]);
    let seen: Sighting | null = null;
    let bell = new AbortController();
    const ring = (): void => bell.abort();
    const stop = on("lock.granted", ({ resource }) => {
      if (watched.has(resource)) ring();
    });
    signal?.addEventListener("abort", ring);
    try {
      for (;;) {
        signal?.throwIfAborted();
        bell = new AbortController();
        const sighting = await this.#look().catch(failedCalls);
        if (sighting !== null && isNews(sighting, seen)) {
          seen = sighting;
          yield sighting.leader;
        }
        await sleep(table.clock, fallbackMs, bell.signal).catch(() => undefined);
      }
    } finally {
      stop();
      signal?.removeEventListener("abort", ring);
    }
  }

  /**
   * Asks the leader to end its work and let the next candidate lead; it stands again behind the others.
   * Resolves with true once that leader leads no more, with false if nobody leads.
   * @throws LockTimeoutError after `waitMs`: its work takes its time
   * @throws the signal's reason when it aborts
   */
  async handOver(options: Pick<LockOptions, "signal" | "waitMs"> = {}): Promise<boolean> {
    const { table, ttlMs, terms } = this.electorate;
    const leader = await this.leader();
    if (leader === null) return false;
    const { clock } = table;
    for (const term of terms) {
      if (term.token === leader.term && term.resource === this.name) term.handOver();
    }
    const requests = new Lock(companions(this.name).handOver, 1, 1, table, { ttlMs, fair: "strict" });
    const { waitMs = Infinity, ...rest } = options;
    const until = clock.now() + waitMs;
    for (;;) {
      const leftMs = Math.max(0, Math.ceil(until - clock.now()));
      const left = waitMs === Infinity ? rest : { ...rest, waitMs: leftMs };
      // The leader holds it for as long as it leads. It need not have got it yet, though.
      await (await requests.lock(left)).release();
      if ((await this.leader())?.term !== leader.term) return true;
      await sleep(clock, AGAIN_MS, options.signal);
    }
  }

  async #stand(
    id: string,
    ttlMs: number,
    signal: AbortSignal | undefined,
    once: boolean,
  ): Promise<HeldLease> {
    const { table } = this.electorate;
    for (;;) {
      signal?.throwIfAborted();
      try {
        const lease = await table.acquire(this.name, candidacy(ttlMs, signal, tagOf(id)));
        if (lease !== null) return lease;
      } catch (error) {
        if (once || !(error instanceof BackendError)) throw error;
        await sleep(table.clock, AGAIN_MS * (1 + table.clock.random()), signal);
      }
    }
  }

  async #serve<T>(
    term: HeldTerm,
    work: (term: Term) => T | PromiseLike<T>,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly result: T } | { readonly reason: unknown }> {
    const { terms } = this.electorate;
    const withdraw = (): void => term.stop(signal?.reason);
    if (signal?.aborted === true) withdraw();
    signal?.addEventListener("abort", withdraw, { once: true });
    terms.add(term);
    let wasStopped = false;
    let isExclusive = false;
    try {
      const result = await work(term);
      wasStopped = term.signal.aborted && !term.isResigned;
      isExclusive = await this.#end(term);
      if (!wasStopped && isExclusive) return { result };
    } catch (error) {
      const isStopped = term.explains(error) && !term.isResigned;
      await this.#end(term);
      if (!isStopped) throw error;
      wasStopped = true;
    } finally {
      signal?.removeEventListener("abort", withdraw);
    }
    const lost = new LeaseLostError(term.resource, term.token, "expired");
    return { reason: wasStopped ? term.signal.reason : lost };
  }

  #end(term: HeldTerm): Promise<boolean> {
    this.electorate.terms.delete(term);
    return term.end();
  }

  async #look(): Promise<Sighting | null> {
    const { inspect } = this.electorate;
    const [election, values] = await Promise.all([
      inspect(this.name),
      inspect(companions(this.name).value),
    ]);
    return sighted(election, values);
  }
}

function isNews({ leader, valueToken }: Sighting, seen: Sighting | null): boolean {
  if (seen === null || leader.term > seen.leader.term) return true;
  return leader.term === seen.leader.term && valueToken > seen.valueToken;
}

/** Told by the event backend.failed, and looked again. */
function failedCalls(error: unknown): null {
  if (error instanceof BackendError) return null;
  throw error;
}
