import { checkInteger, checkMs, checkSignal } from "../../locks/options.ts";
import { versionOptions, type Strategy, type UpdateTarget, type VersionOptions } from "../strategies.ts";
import type { CallerOptions } from "./caller.ts";
import { Combiner } from "./combiner.ts";

export interface AdaptiveOptions extends VersionOptions {
  /** Most time for all attempts, in ms; default 10,000. */
  readonly deadlineMs?: number;
  /** Gives up when it aborts, unless a write is under way that then succeeds. */
  readonly signal?: AbortSignal;
  /** After so many refusals in a row it takes the record's lock, 0 (at once) … 1,000; default 3. */
  readonly refusals?: number;
  /** How long the edits of one write may take before it takes the lock, 0 … 1,000 ms; default 10. */
  readonly batchMs?: number;
}

/** By coordinator and record, while somebody stands in line. */
const lines = new WeakMap<object, Map<string, Combiner<unknown>>>();

/**
 * Waiting edits of one record in one process are committed together, in one conditional write: each with its
 * own result or own error and its own version, in the order of the calls. Alone, it costs what `optimistic`
 * does; against other processes it takes the fair lock when it was refused too often or edits take long.
 * @throws ConflictError if it was refused until its deadline, LockTimeoutError if its turn never came
 * @throws BackendError with the `opId` that settles an unknown outcome
 */
export function adaptive(options: AdaptiveOptions = {}): Strategy {
  const { deadlineMs = 10_000, refusals = 3, batchMs = 10, signal } = options;
  const caller: CallerOptions = {
    about: versionOptions(options),
    deadlineMs: checkMs(deadlineMs, "deadlineMs", 1, Infinity),
    patience: {
      refusals: checkInteger(refusals, "refusals", 0, 1_000),
      batchMs: checkMs(batchMs, "batchMs", 0, 1_000),
    },
    signal: checkSignal(signal),
  };
  return async (target, edit) => {
    signal?.throwIfAborted();
    return combinerOf(target).update(edit, caller);
  };
}

function combinerOf<T>(target: UpdateTarget<T>): Combiner<T> {
  const { scope, records, key } = target;
  let combiners = lines.get(scope);
  if (combiners === undefined) lines.set(scope, (combiners = new Map()));
  const name = JSON.stringify([records.collection, key]);
  let combiner = combiners.get(name) as unknown as Combiner<T> | undefined;
  if (combiner === undefined) {
    const of = combiners;
    combiner = new Combiner(target, () => of.delete(name));
    combiners.set(name, combiner as unknown as Combiner<unknown>);
  }
  return combiner;
}
