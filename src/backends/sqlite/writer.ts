import type { Clock } from "../../clock.ts";
import type { BackendError } from "../../errors.ts";
import { Access } from "./access.ts";
import { begin, type SqliteDatabase } from "./driver.ts";
import { failure, isBusy, sqliteCode } from "./failure.ts";
import type { Line } from "./line.ts";
import type { Letter } from "./message.ts";
import { busyFor } from "./retry.ts";
import { Turn } from "./turn.ts";

export interface WriterOptions {
  readonly clock: Clock;
  /** How long a step waits for the write lock before it fails. */
  readonly busyMs: number;
  readonly storeNow: () => number;
  /** Called before each transaction; throws when the database must not be used. */
  readonly check: () => void;
  readonly send: (letters: readonly Letter[]) => void;
  readonly afterCommit: () => void;
  readonly line: Line | undefined;
}

/**
 * How long one transaction takes on further steps before it commits and lets the event loop turn.
 */
const TRANSACTION_MS = 2;

/** What a step may use inside its transaction. Letters leave once it is committed. */
export interface Transaction {
  /** The store's clock. */
  readonly now: number;
  readonly letters: Letter[];
}

/**
 * An indivisible piece of work. `run` may be called several times, if a transaction has to be
 * repeated.
 */
export interface Step {
  readonly operation: string;
  run(transaction: Transaction): void;
  committed(transaction: Transaction): void;
  failed(error: BackendError): void;
}

interface Queued {
  readonly step: Step;
  /** When it was asked for, by the monotonic clock. */
  readonly since: number;
}

/**
 * The steps of one connection in their order, as many as are there in one transaction. Nothing here
 * waits for the write lock: SQLite answers at once, and the next attempt comes by timer.
 */
export class Writer {
  readonly #access: Access;
  #queue: Queued[] = [];
  /** So many steps go one by one, since one of them made their common transaction fail. */
  #apart = 0;

  constructor(
    readonly database: SqliteDatabase,
    readonly options: WriterOptions,
  ) {
    const { clock, line } = options;
    this.#access = new Access({
      clock,
      turn: Turn.of(clock),
      line,
      hasWork: () => this.#queue.length > 0,
      resume: () => this.#proceed(),
    });
  }

  submit(steps: readonly Step[]): void {
    const since = this.options.clock.now();
    for (const step of steps) this.#queue.push({ step, since });
    this.#proceed();
  }

  /** Another process has finished, and this one is next. */
  woken(): void {
    this.#access.woken();
  }

  /** Fails what is still queued. */
  close(error: BackendError): void {
    this.#access.close();
    for (const { step } of this.#queue.splice(0)) step.failed(error);
  }

  #proceed(): void {
    for (;;) {
      const oldest = this.#queue[0];
      if (oldest === undefined || !this.#access.mayTry(this.#age(oldest))) return;
      this.#transact();
    }
  }

  #age({ since }: Queued): number {
    return this.options.clock.now() - since;
  }

  #transact(): void {
    const began = this.options.clock.now();
    const letters: Letter[] = [];
    let phase: Phase = "begin";
    let transaction: Transaction;
    let taken = 0;
    try {
      this.options.check();
      begin(this.database);
      phase = "run";
      transaction = { now: this.options.storeNow(), letters };
      do {
        taken += 1;
        this.#queue[taken - 1]?.step.run(transaction);
      } while (
        taken < this.#queue.length &&
        this.#apart === 0 &&
        this.options.clock.now() - began < TRANSACTION_MS
      );
      phase = "commit";
      this.database.exec("COMMIT");
    } catch (error) {
      this.#handle(error, phase, taken);
      return;
    }
    this.#access.granted(this.#queue[taken - 1]?.step.operation === "admit");
    if (this.#apart > 0) this.#apart -= 1;
    if (letters.length > 0) this.options.send(letters);
    for (const { step } of this.#queue.splice(0, taken)) step.committed(transaction);
    this.options.afterCommit();
  }

  #handle(error: unknown, phase: Phase, taken: number): void {
    /* A handle of the application may be in the middle of the application's own transaction. */
    const foreign = phase === "begin" && inTransaction(this.database);
    if (phase !== "begin") this.#rollBack();
    if (foreign || isBusy(error)) return this.#retryLater(error);
    if (phase === "run" && taken > 1) {
      this.#apart = taken;
      return;
    }
    const doomed = phase === "begin" ? this.#queue.length : taken;
    const outcome = phase === "commit" && sqliteCode(error) === "IOERR" ? "unknown" : "not-applied";
    if (this.#apart > 0) this.#apart -= 1;
    for (const { step } of this.#queue.splice(0, doomed)) {
      step.failed(failure(step.operation, error, outcome));
    }
  }

  /** SQLite has rolled back by itself after some errors, and then refuses. */
  #rollBack(): void {
    try {
      this.database.exec("ROLLBACK");
    } catch {
      return;
    }
  }

  #retryLater(error: unknown): void {
    for (;;) {
      const oldest = this.#queue[0];
      if (oldest === undefined) return;
      const age = this.#age(oldest);
      if (age < this.options.busyMs) return this.#access.refused(age);
      this.#queue.shift();
      oldest.step.failed(busyFor(age, oldest.step.operation, error));
    }
  }
}

type Phase = "begin" | "run" | "commit";

const inTransaction = (database: SqliteDatabase): boolean =>
  database.inTransaction ?? database.isTransaction ?? false;
