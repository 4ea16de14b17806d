import { isDeepStrictEqual } from "node:util";
import {
  IDLE_MEMORY_MS,
  type FeedPage,
  type FeedPosition,
  type Guarantees,
  type Inspection,
  type StoredVersion,
} from "../../backend.ts";
import type { Participant } from "../participant.ts";
import { SimulationFailure } from "./failure.ts";
import { brokenInvariant } from "./invariants.ts";
import { Observer } from "./observer.ts";
import { storyOf, type Entry, type Program, type Step } from "./program.ts";

/** Carries a program out on a store, step by step; throws at the first answer that is not the models'. */
export async function runProgram(
  program: Program,
  processes: readonly Participant[],
  setClock: (now: number) => void,
): Promise<void> {
  /** Where each reader of the feed stands. */
  const readers = new Map<number, FeedPosition>();
  const observer = new Observer();
  /** When the last step was taken on each resource. */
  const touched = new Map<string, number>();
  for (const [at, entry] of program.entries.entries()) {
    const { step, now } = entry;
    const fail = (problem: string): SimulationFailure =>
      new SimulationFailure(`step ${at}: ${problem}`, program.seed, storyOf(program, at));
    setClock(now);
    const answer = await take(step, processAt(processes, step.process), readers).catch((cause) => {
      throw fail(`the store failed: ${String(cause)}`);
    });
    for (const inspection of inspectionsIn(step, answer)) {
      const fresh = touched.get(inspection.resource) === now;
      const broken = brokenInvariant(inspection, fresh);
      if (broken !== undefined) throw fail(broken);
    }
    const { feed } = processAt(processes, step.process).backend.guarantees;
    const [shown, expected] = [answer, entry.expected].map((each) => comparable(step, each, feed));
    if (!isDeepStrictEqual(shown, expected)) throw fail(difference(shown, entry));
    for (const resource of resourcesOf(step)) touched.set(resource, now);
    const odd = program.stepsBack ? undefined : observer.answered(step, answer, now);
    if (odd !== undefined) throw fail(odd);
  }
  const [overlap] = observer.violations();
  if (overlap !== undefined) throw new SimulationFailure(overlap, program.seed, []);
}

async function take(step: Step, process: Participant, readers: Map<number, FeedPosition>): Promise<unknown> {
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
      return backend.write(step.writes);
    case "read":
      return backend.read(step.collection, step.key);
    case "scan":
      return backend.scan(step.collection, { limit: 100 });
    case "find":
      return backend.find(step.collection, step.page);
    case "history":
      return backend.history(step.collection, step.key, step.page);
    case "version":
      return backend.version(step.collection, step.key, step.revision);
    case "changes": {
      const after = readers.get(step.reader) ?? null;
      const page = await backend.changes(step.collection, after, step.limit);
      readers.set(step.reader, page.position);
      return page;
    }
    case "prune": {
      const upTo = step.readers
        .map((reader) => readers.get(reader))
        .filter((position) => position !== undefined);
      return backend.prune({ ...step.request, upTo });
    }
  }
}

/**
 * A store may forget the audit trail of an idle resource, and need not. Positions are the store's own, and
 * where its feed has parts, so is the order of different records.
 */
function comparable(step: Step, answer: unknown, feed: Guarantees["feed"]): unknown {
  const recent = (inspection: Inspection): Inspection => ({
    ...inspection,
    revocations: inspection.revocations.filter(({ at }) => at > inspection.now - IDLE_MEMORY_MS),
  });
  switch (step.do) {
    case "inspect":
      return recent(answer as Inspection);
    case "list":
      return (answer as Inspection[]).map(recent);
    case "changes": {
      const { position: _, ...page } = answer as FeedPage;
      if (feed === "total" || !("versions" in page)) return page;
      const byKey = (a: StoredVersion, b: StoredVersion): number =>
        a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
      return { ...page, versions: [...page.versions].sort(byKey) };
    }
    default:
      return answer;
  }
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
