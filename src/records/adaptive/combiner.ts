import { sleep, type Cancel } from "../../clock.ts";
import { BackendError } from "../../errors.ts";
import type { Committed } from "../commit.ts";
import { headAt, type RecordHead } from "../head.ts";
import type { Edit, UpdateTarget, Updated } from "../strategies.ts";
import { compose, type Batch } from "./batch.ts";
import { Head } from "./head.ts";
import { Caller, type CallerOptions } from "./caller.ts";
import type { Patience } from "./patience.ts";
import { Turn } from "./turn.ts";

/** Longest pause after a refusal where the lock is not to be had. */
const PAUSE_MS = 20;

/**
 * The line of one process's updates of one record, first come, first served. Whoever stands in it when a
 * write begins takes part: many edits, one conditional write, a version for each. It lives until it is empty.
 */
export class Combiner<T> {
  #line: Caller<T>[] = [];
  readonly #turn: Turn;
  #isRunning = false;
  /** As last heard of. That is good enough to try: if it is out of date, the write is refused. */
  #head: Head<T> | undefined;
  /** In a row. */
  #refusals = 0;
  #isSlow = false;
  /** So many from the front are tried one by one, to find out whose edit was refused. */
  #oneByOne = 0;
  #alarm: { readonly at: number; readonly cancel: Cancel } | undefined;

  constructor(
    private readonly target: UpdateTarget<T>,
    private readonly onIdle: () => void,
  ) {
    this.#turn = new Turn(target.lock, target.clock);
  }

  update(edit: Edit<T>, options: CallerOptions): Promise<Updated<T>> {
    return new Promise((resolve, reject) => {
      const { clock } = this.target;
      const settlement = { resolve, reject, gaveUp: () => this.#tidy() };
      const caller = new Caller(edit, options.about.opId ?? clock.id(), options, clock.now(), settlement);
      this.#line.push(caller);
      this.#watch(caller.deadline);
      if (this.#isRunning) return;
      this.#isRunning = true;
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    const { clock } = this.target;
    do {
      while (this.#line.length > 0) await this.#next();
      // Who was answered and asks again at once finds the head known.
      await new Promise<void>((resolve) => clock.yield(resolve));
    } while (this.#line.length > 0);
    this.#alarm?.cancel();
    this.#turn.end();
    this.onIdle();
  }

  async #next(): Promise<void> {
    const { patience } = this.#line[0]!.options;
    try {
      await this.#prepare(patience);
    } catch (error) {
      // Nothing was written, and all who stand in line needed the same.
      for (const caller of this.#line.splice(0)) {
        if (error instanceof BackendError) caller.failedBy(error);
        else caller.fail(error);
      }
      return this.#forget();
    }
    if (this.#head === undefined || this.#line.length === 0) return;
    const edits = this.#oneByOne > 0 ? 1 : Infinity;
    const batch = compose(this.#line, this.#head, this.target.clock, { edits, ms: patience.batchMs });
    this.#oneByOne = Math.max(0, this.#oneByOne - 1);
    this.#isSlow = batch.tookMs > patience.batchMs;
    if (batch.callers.length === 0) return;
    try {
      this.#settle(batch, await this.target.commit(batch.drafts, { ifRevision: batch.base }));
    } catch (error) {
      this.#failed(batch, error);
    }
  }

  /** Takes a turn if that is called for, and reads what is not known. */
  async #prepare({ refusals }: Patience): Promise<void> {
    if (this.#refusals >= refusals || this.#isSlow) {
      const { clock } = this.target;
      const isMine = this.#turn.isHeld;
      if (!(await this.#turn.take())) await sleep(clock, clock.random() * PAUSE_MS);
      // Others wrote while it waited: a look is cheaper than edits in vain.
      if (!isMine) this.#head = undefined;
    }
    this.#tidy();
    if (this.#head === undefined && this.#line.length > 0) this.#head = new Head(await this.#read());
    this.#tidy();
  }

  async #read(): Promise<RecordHead<T> | null> {
    const { records, key } = this.target;
    try {
      return await records.get(key);
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      // A read that nobody answered has had no effect.
      const { backend, operation, cause, detail } = error;
      throw new BackendError(backend, operation, "not-applied", { cause, detail });
    }
  }

  #settle(batch: Batch<T>, committed: Committed<T>): void {
    const { callers, drafts, base } = batch;
    if (committed.kind === "conflict") {
      this.#head = new Head(committed.current);
      this.#refusals += 1;
      for (const [index, caller] of callers.entries()) caller.refused(base, drafts[index]!.value);
      return this.#backInLine(batch);
    }
    const holdMs = this.#turn.heldMs;
    this.#forget();
    if (committed.kind === "repeated") {
      const versions = new Map(committed.versions.map((version) => [version.opId, version]));
      for (const caller of callers) {
        const version = versions.get(caller.opId);
        if (version !== undefined) caller.done(headAt(version), 1, holdMs);
      }
      return this.#backInLine(batch);
    }
    this.#head = new Head(committed.heads.at(-1) ?? null);
    for (const [index, caller] of callers.entries()) {
      caller.done(committed.heads[index] ?? null, callers.length, holdMs);
    }
  }

  #failed(batch: Batch<T>, error: unknown): void {
    this.#forget();
    const { callers } = batch;
    if (error instanceof BackendError) {
      for (const caller of callers) caller.failedBy(error);
    } else if (callers.length === 1) {
      callers[0]!.fail(error);
    } else {
      this.#oneByOne = callers.length;
      this.#backInLine(batch);
    }
  }

  #forget(): void {
    this.#head = undefined;
    this.#refusals = 0;
    this.#turn.end();
  }

  #backInLine({ callers }: Batch<T>): void {
    for (const caller of callers) caller.backInLine();
    this.#line.unshift(...callers);
    this.#tidy();
  }

  /** Sends away whose time is over, and forgets who has gone. */
  #tidy(): void {
    const { clock, key, lock } = this.target;
    const now = clock.now();
    for (const [ahead, caller] of this.#line.entries()) {
      if (caller.deadline <= now) caller.expire(now, key, lock.resource, this.#head?.record() ?? null, ahead);
    }
    this.#line = this.#line.filter(({ isSettled }) => !isSettled);
    if (this.#line.length === 0) return this.#turn.giveUp();
    if (this.#alarm !== undefined) return;
    this.#watch(this.#line.reduce((first, { deadline }) => Math.min(first, deadline), Infinity));
  }

  /** Whoever stands in line hears that its time is over, also while a write or the lock takes long. */
  #watch(at: number): void {
    if (at === Infinity || (this.#alarm !== undefined && this.#alarm.at <= at)) return;
    this.#alarm?.cancel();
    const { clock } = this.target;
    const fire = (): void => {
      this.#alarm = undefined;
      this.#tidy();
    };
    this.#alarm = { at, cancel: clock.timer(at - clock.now(), fire, { keepAlive: true }) };
  }
}
