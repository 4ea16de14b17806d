import { setTimeout as wait } from "node:timers/promises";
import type { Case } from "./case.ts";
import { ALL_CASES } from "./cases/all-cases.ts";
import type { Environment } from "./environment.ts";
import { Stage } from "./stage.ts";

export interface Skip {
  /** The case's full name. */
  readonly case: string;
  /** Why this backend cannot keep this promise, for its users to read. */
  readonly reason: string;
}

/** What `node:test`, Vitest, Jest and Mocha call `test`. */
export interface TestFunction {
  (name: string, run: () => Promise<void>): unknown;
  skip?(name: string, run: () => Promise<void>): unknown;
}

export interface ConformanceOptions {
  /** Put before each case's name. */
  readonly name?: string;
  readonly open: () => Environment | Promise<Environment>;
  /** `locks`: the store keeps no records, and is judged by its locks alone. Default: both. */
  readonly keeps?: "locks" | "both";
  readonly skip?: readonly Skip[];
  /** Registers every case, and every skipped one with its reason where the runner has `test.skip`. */
  readonly test?: TestFunction;
}

export interface RunnableCase {
  readonly name: string;
  /** Set: not to be run, and why. */
  readonly skip?: string;
  /** Rejects with the first broken promise. */
  run(): Promise<void>;
}

/** A case that takes longer is broken, or its backend never settles. */
const CASE_MAX_MS = 60_000;

/**
 * Judges a backend by the contract in `holdfast/backend`, one case for each promise. Needs no particular test
 * runner: pass its `test`, or run the returned cases yourself.
 *
 *     conformance({ test, name: "foo", skip: [], open: () => ({ backend: () => foo(url), close() {} }) });
 *
 * @throws RangeError if `skip` names a case that does not exist, names one twice, or gives no reason.
 */
export function conformance(options: ConformanceOptions): readonly RunnableCase[] {
  const reasons = reasonsOf(options.skip ?? []);
  const prefix = options.name === undefined ? "" : `${options.name}: `;
  const judged = ALL_CASES.filter((each) => options.keeps !== "locks" || each.of !== "records");
  const cases = judged.map((each): RunnableCase => {
    const reason = reasons.get(each.name);
    return {
      name: prefix + each.name,
      ...(reason === undefined ? {} : { skip: reason }),
      run: () => runCase(each, options.open),
    };
  });
  for (const { name, skip, run } of cases) {
    if (skip === undefined) options.test?.(name, run);
    else options.test?.skip?.(`${name} (skipped: ${skip})`, run);
  }
  return cases;
}

function reasonsOf(skips: readonly Skip[]): ReadonlyMap<string, string> {
  const reasons = new Map<string, string>();
  for (const skip of skips) {
    if (!ALL_CASES.some(({ name }) => name === skip.case)) {
      throw new RangeError(`skip: there is no case "${skip.case}"; use a full name, without the prefix`);
    }
    if (skip.reason.trim() === "") throw new RangeError(`skip: say why "${skip.case}" is skipped`);
    if (reasons.has(skip.case)) throw new RangeError(`skip: "${skip.case}" is skipped twice`);
    reasons.set(skip.case, skip.reason);
  }
  return reasons;
}

async function runCase(each: Case, open: ConformanceOptions["open"]): Promise<void> {
  const environment = await open();
  const stage = new Stage(environment);
  const over = new AbortController();
  const tooLong = wait(CASE_MAX_MS, undefined, { signal: over.signal }).then(
    () => {
      throw new Error(`"${each.name}" did not settle within ${CASE_MAX_MS} ms`);
    },
    () => undefined,
  );
  try {
    await Promise.race([each.run(stage), tooLong]);
  } finally {
    over.abort();
    await stage.close();
    await environment.close();
  }
}
