import { BackendError, ConflictError, LockTimeoutError } from "../../errors.ts";
import type { Draft } from "../commit.ts";
import { differingFields } from "../fields.ts";
import type { RecordHead } from "../head.ts";
import type { Edit, Updated, VersionOptions } from "../strategies.ts";
import type { Patience } from "./patience.ts";

export interface CallerOptions {
  readonly about: VersionOptions;
  readonly patience: Patience;
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
}

interface Settlement<T> {
  resolve(updated: Updated<T>): void;
  reject(error: unknown): void;
  /** It gave up while it stood in line. */
  gaveUp(): void;
}

/** One update that stands in line with others of the same record. Settles once. */
export class Caller<T> {
  /** How often its edit ran. */
  attempts = 0;
  isSettled = false;
  readonly deadline: number;
  /** In a write, whose answer alone says what becomes of it. */
  #isUnderWay = false;
  #startedAt = 0;
  /** What its refused attempt would have written, and on what. */
  #refused: { readonly base: string | null; readonly mine: T | null } | undefined;

  constructor(
    private readonly edit: Edit<T>,
    readonly opId: string,
    readonly options: CallerOptions,
    private readonly since: number,
    private readonly settlement: Settlement<T>,
  ) {
    this.deadline = since + options.deadlineMs;
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Out of the line. Undefined: the edit threw, which settles it. */
  attempt(current: T | null, now: number): Draft<T> | undefined {
    this.attempts += 1;
    this.#startedAt = now;
    this.#isUnderWay = true;
    try {
      // The name stays the same over all attempts, so that each can tell whether an earlier one took effect.
      return { ...this.options.about, opId: this.opId, value: this.edit(current) };
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  done(record: RecordHead<T> | null, combined: number, holdMs: number): void {
    if (!this.#settle()) return;
    const { attempts } = this;
    const waitMs = this.#startedAt - this.since;
    this.settlement.resolve({ record, attempts, strategy: "adaptive", waitMs, holdMs, combined });
  }

  refused(base: string | null, mine: T | null): void {
    this.#refused = { base, mine };
  }

  /** Nothing of it was written: it stands in line again, unless it gave up meanwhile. */
  backInLine(): void {
    this.#isUnderWay = false;
    if (this.options.signal?.aborted === true) this.fail(this.options.signal.reason);
  }

  /** Its time is over: it was refused, or never had its turn. */
  expire(now: number, key: string, lock: string, theirs: RecordHead<T> | null, ahead: number): void {
    if (this.#refused === undefined) {
      return this.fail(new LockTimeoutError(lock, Math.round(now - this.since), ahead));
    }
    const { base, mine } = this.#refused;
    this.fail(new ConflictError<T>(key, base, mine, theirs, differingFields(mine, theirs?.value ?? null)));
  }

  fail(error: unknown): void {
    if (this.#settle()) this.settlement.reject(error);
  }

  /** The store failed. Each caller has an error of its own, with what settles its part of the write. */
  failedBy({ backend, operation, outcome, cause, detail }: BackendError): void {
    this.fail(new BackendError(backend, operation, outcome, { cause, detail, opId: this.opId }));
  }

  readonly #onAbort = (): void => {
    if (this.#isUnderWay) return;
    this.fail(this.options.signal?.reason);
    this.settlement.gaveUp();
  };

  #settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    this.options.signal?.removeEventListener("abort", this.#onAbort);
    return true;
  }
}
