import { isDeepStrictEqual } from "node:util";
import { IDLE_MEMORY_MS, type Inspection, type StoredRecord, type WriteOutcome } from "../../backend.ts";
import type { Participant } from "../participant.ts";
import { SimulationFailure } from "./failure.ts";
import { brokenInvariant } from "./invariants.ts";
import { Observer } from "./observer.ts";
import { storyOf, type Entry, type Program, type Step } from "./program.ts";
import { Revisions } from "./revisions.ts";

/** Carries a program out on a store, step by step; throws at the first answer that is not the models'. */
export async function runProgram(
  program: Program,
  processes: readonly Participant[],
  setClock: (now: number) => void,
): Promise<void> {
  const revisions = new Revisions();
  const observer = new Observer();
  /** When the last step was taken on each resource. */
  const touched = new Map<string, number>();
  for (const [at, entry] of program.entries.entries()) {
    const { step, now } = entry;
    const fail = (problem: string): SimulationFailure =>
      new SimulationFailure(`step ${at}: ${problem}`, program.seed, storyOf(program, at));
    setClock(now);
    const answer = await take(step, processAt(processes, step.process), revisions).catch((cause) => {
      throw fail(`the store failed: ${String(cause)}`);
    });
    for (const inspection of inspectionsIn(step, answer)) {
      const fresh = touched.get(inspection.resource) === now;
      const broken = brokenInvariant(inspection, fresh);
      if (broken !== undefined) throw fail(broken);
    }
    const shown = shownAs(step, answer, entry, revisions);
    if (!isDeepStrictEqual(shown, comparable(step, entry.expected))) throw fail(difference(shown, entry));
    for (const resource of resourcesOf(step)) touched.set(resource, now);
    const odd = program.stepsBack ? undefined : observer.answered(step, answer, now);
    if (odd !== undefined) throw fail(odd);
  }
  const [overlap] = observer.violations();
  if (overlap !== undefined) throw new SimulationFailure(overlap, program.seed, []);
}

async function take(step: Step, process: Participant, revisions: Revisions): Promise<unknown> {
  const { backend } = process;
  switch (step.do) {
    case "admit":
      return backend.admit(step.requests);
    case "renew":
      return backend.renew(step.requests);
    case "release":
      return backend.release(step.requests);
    case "revoke":
      return backend.revoke(step.request);
    case "inspect":
      return backend.inspect(step.resource);
    case "list":
      return backend.list({ prefix: step.prefix, limit: 100 });
    case "write":
      return backend.write(step.writes.map((write) => revisions.translate(write)));
    case "read":
      return backend.read(step.collection, step.key);
    case "scan":
      return backend.scan(step.collection, { limit: 100 });
  }
}

/** Answers in the program's words. Which revision is new can only be told from the expected answer. */
function shownAs(step: Step, answer: unknown, entry: Entry, revisions: Revisions): unknown {
  if (step.do === "write") {
    const outcome = answer as WriteOutcome;
    const expected = entry.expected as WriteOutcome;
    if (outcome.kind === "conflict" && outcome.current !== null) {
      return { ...outcome, current: revisions.name(outcome.current, undefined) };
    }
    if (outcome.kind !== "written" || expected.kind !== "written") return outcome;
    const records = outcome.records.map((record, at) =>
      record === null ? null : revisions.name(record, expected.records[at]?.revision),
    );
    return { ...outcome, records };
  }
  if (step.do === "read" && answer !== null) return revisions.name(answer as StoredRecord, undefined);
  if (step.do === "scan") {
    return (answer as StoredRecord[]).map((record) => revisions.name(record, undefined));
  }
  return comparable(step, answer);
}

/** A store may forget the audit trail of an idle resource, and need not. */
function comparable(step: Step, answer: unknown): unknown {
  const recent = (inspection: Inspection): Inspection => ({
    ...inspection,
    revocations: inspection.revocations.filter(({ at }) => at > inspection.now - IDLE_MEMORY_MS),
  });
  if (step.do === "inspect") return recent(answer as Inspection);
  return step.do === "list" ? (answer as Inspection[]).map(recent) : answer;
}

function inspectionsIn(step: Step, answer: unknown): readonly Inspection[] {
  if (step.do === "inspect") return [answer as Inspection];
  return step.do === "list" ? (answer as readonly Inspection[]) : [];
}

function resourcesOf(step: Step): readonly string[] {
  if (step.do === "revoke") return [step.request.resource];
  return "requests" in step ? step.requests.map(({ resource }) => resource) : [];
}

function processAt(processes: readonly Participant[], at: number): Participant {
  const process = processes[at];
  if (process === undefined) throw new RangeError(`there is no process ${at}`);
  return process;
}

function difference(shown: unknown, { step, expected }: Entry): string {
  return `${step.do}: the store answers ${inWords(shown)}, the model ${inWords(expected)}`;
}

function inWords(answer: unknown): string {
  return JSON.stringify(answer);
}
