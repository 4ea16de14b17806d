import type { Fence, RecordBackend, Step, StoredVersion, Write, WriteOutcome } from "../backend.ts";
import { sleep, type Clock } from "../clock.ts";
import { BackendError, StaleTokenError, UniqueError } from "../errors.ts";
import { emit } from "../events.ts";
import type { Lockable } from "../locks/lockable.ts";
import { checkInteger, checkName } from "../locks/options.ts";
import type { Collection } from "./collection.ts";
import { encodeMessages } from "./encode.ts";
import { fenceOf, type FencedBy } from "./fence.ts";
import { headAt, headOf, versionOf, type RecordHead, type RecordVersion } from "./head.ts";

/** What records need of their coordinator. */
export interface RecordsContext {
  readonly backend: RecordBackend;
  readonly clock: Clock;
  /** Runs a call once the store is open, and bounds its time. */
  readonly call: <Result>(operation: string, run: () => Promise<Result>) => Promise<Result>;
  readonly mutex: (name: string) => Lockable;
  /** Aborts, with the error to throw, when the coordinator closes. */
  readonly closing: AbortSignal;
  /** So many versions of a collection have been made. */
  readonly wrote: (collection: string, versions: number) => void;
  /** The same object for all collections of a coordinator. */
  readonly scope: object;
}

/** What is to become a version. */
export interface Draft<T> {
  /** Null deletes. */
  readonly value: T | null;
  readonly author?: string;
  readonly reason?: string;
  /** Names this write once and for all; default: a new one. */
  readonly opId?: string;
  readonly messages?: readonly unknown[];
  /** Revisions that it merges, besides the one it follows. */
  readonly merges?: readonly string[];
}

export interface Condition {
  /** Undefined: whatever is there. Null: must not exist. Otherwise: must be at this revision. */
  readonly ifRevision?: string | null;
  readonly fence?: FencedBy;
}

export type Committed<T> =
  /** For each draft the record as it made it; null: deleted. */
  | { readonly kind: "written"; readonly heads: readonly (RecordHead<T> | null)[] }
  | { readonly kind: "conflict"; readonly current: RecordHead<T> | null }
  /** Nothing was written: some of the drafts, by their `opId`, have been made before. Commit the others. */
  | { readonly kind: "repeated"; readonly versions: readonly RecordVersion<T>[] };

/** Most drafts of one commit. */
export const DRAFTS_MAX = 1_000;
const WRITE_TRIES = 3;
const WRITE_RETRY_MS = 100;

/** A write that is ready to go, and what is needed to tell its outcome. */
export interface Prepared {
  readonly write: Write;
  readonly fence: Fence | undefined;
}

/**
 * Checks, and makes up the write. No I/O. @throws TypeError, RangeError, InvalidValueError, StaleTokenError
 */
export function prepare<T>(
  collection: Collection<T>,
  clock: Clock,
  key: string,
  drafts: readonly Draft<T>[],
  { ifRevision, fence }: Condition,
): Prepared {
  checkName(key, "a record's key");
  if (ifRevision !== undefined && ifRevision !== null && typeof ifRevision !== "string") {
    throw new TypeError("ifRevision must be a record's revision, or null if it must not exist");
  }
  const guard = fence === undefined ? undefined : fenceOf(fence, key);
  const steps = drafts.map((draft) => stepOf(collection, clock, key, draft));
  const last = steps.at(-1)!;
  const write: Write = {
    collection: collection.name,
    key,
    ...last.step,
    ...(steps.length === 1 ? {} : { earlier: steps.slice(0, -1).map(({ step }) => step) }),
    ...(ifRevision === undefined ? {} : { ifRevision }),
    ...(guard === undefined ? {} : { fence: guard }),
    ...(last.entries === undefined ? {} : { entries: last.entries }),
  };
  return { write, fence: guard };
}

function stepOf<T>(collection: Collection<T>, clock: Clock, key: string, draft: Draft<T>) {
  const { value, author, reason, opId = clock.id(), merges = [] } = draft;
  if (author !== undefined) checkName(author, `the author of "${key}"`);
  if (reason !== undefined) checkName(reason, `the reason of the write to "${key}"`);
  const { text, entries } =
    value === null ? { text: null, entries: undefined } : collection.encode(key, value);
  const messages = encodeMessages(key, draft.messages);
  const step: Step = {
    value: text,
    revision: clock.id(),
    opId: checkName(opId, `the opId of the write to "${key}"`),
    ...(author === undefined ? {} : { author }),
    ...(reason === undefined ? {} : { reason }),
    ...(messages === undefined ? {} : { messages }),
    ...(merges.length === 0 ? {} : { merges }),
  };
  return { step, entries };
}

/**
 * Conditional writes whose reply was lost are repeated: their `opId`s make that harmless. If one is refused
 * then, the first try may yet arrive and find the condition true, unless the condition was a revision, which
 * never comes again: so the outcome stays unknown.
 */
export async function settle(
  { backend, call, clock }: RecordsContext,
  writes: readonly Write[],
): Promise<WriteOutcome> {
  let unknown: BackendError | undefined;
  for (let tries = 1; ; tries += 1) {
    try {
      const outcome = await call("write", () => backend.write(writes));
      if (unknown === undefined || isFinal(outcome, writes)) return outcome;
      break;
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      if (unknown === undefined && error.outcome === "not-applied") throw error;
      unknown ??= error;
      if (tries === WRITE_TRIES) break;
      await sleep(clock, WRITE_RETRY_MS * tries);
    }
  }
  const { backend: name, operation, outcome, cause, detail } = unknown;
  const opId = writes.length === 1 ? { opId: writes[0]!.opId } : {};
  throw new BackendError(name, operation, outcome, { cause: cause ?? unknown, detail, ...opId });
}

function isFinal(outcome: WriteOutcome, writes: readonly Write[]): boolean {
  if (outcome.kind === "written" || outcome.kind === "repeated") return true;
  return outcome.kind === "conflict" && typeof writes[outcome.index]?.ifRevision === "string";
}

/** Outcomes that a caller can only be told by an error. */
export function refusal(
  { backend }: RecordsContext,
  { write, fence }: Prepared,
  outcome: Extract<WriteOutcome, { readonly kind: "stale" | "taken" }>,
): StaleTokenError | UniqueError {
  const { collection, key } = write;
  if (outcome.kind === "taken") {
    const { entry, key: owner } = outcome;
    emit("write.taken", () => ({ backend: backend.name, collection, key, field: entry.name, owner }));
    return new UniqueError(key, entry.name, owner);
  }
  const { resource, token } = fence!;
  emit("write.stale", () => ({ backend: backend.name, collection, key, resource, token }));
  return new StaleTokenError(key, resource, token);
}

/**
 * The commit rule: makes these drafts the next versions of a record, in order and in one step, or none of
 * them.
 *
 * Several drafts need `ifRevision`. If one of several is refused by an error, nothing was written: commit
 * each alone to learn whose it is.
 *
 * @throws StaleTokenError, UniqueError, InvalidValueError, TypeError, RangeError
 * @throws BackendError whose `outcome` says whether it may have taken effect
 */
export async function commit<T>(
  context: RecordsContext,
  collection: Collection<T>,
  key: string,
  drafts: readonly Draft<T>[],
  condition: Condition,
): Promise<Committed<T>> {
  checkInteger(drafts.length, "the number of drafts", 1, DRAFTS_MAX);
  const isEffective = effective(key, drafts, condition.ifRevision);
  const steps = drafts.filter((_, at) => isEffective[at]);
  if (steps.length === 0) return { kind: "written", heads: drafts.map(() => null) };
  const prepared = prepare(collection, context.clock, key, steps, condition);
  const outcome = await settle(context, [prepared.write]);
  const { backend } = context;
  switch (outcome.kind) {
    case "written": {
      context.wrote(collection.name, steps.length);
      const made = await headsOf<T>(context, prepared.write, headOf<T>(outcome.records[0] ?? null));
      let next = 0;
      return { kind: "written", heads: isEffective.map((is) => (is ? (made[next++] ?? null) : null)) };
    }
    case "conflict":
      emit("write.conflict", () => ({ backend: backend.name, collection: collection.name, key }));
      return { kind: "conflict", current: headOf<T>(outcome.current) };
    case "repeated":
      return { kind: "repeated", versions: outcome.versions.map((version) => versionOf<T>(version)) };
    case "stale":
    case "taken":
      throw refusal(context, prepared, outcome);
    default:
      throw outcome satisfies never;
  }
}

/** Of several drafts, those that delete what does not exist make no version. */
function effective<T>(
  key: string,
  drafts: readonly Draft<T>[],
  ifRevision: string | null | undefined,
): readonly boolean[] {
  if (drafts.length === 1) return [true];
  if (ifRevision === undefined) throw new TypeError(`several drafts of "${key}" need ifRevision`);
  let exists = ifRevision !== null;
  return drafts.map(({ value }) => {
    const is = value !== null || exists;
    exists = value !== null;
    return is;
  });
}

/** The store tells what the last step made; the time of the others is the same, unless it is a replay. */
async function headsOf<T>(
  { backend, call }: RecordsContext,
  { collection, key, earlier = [], ...last }: Write,
  head: RecordHead<T> | null,
): Promise<readonly (RecordHead<T> | null)[]> {
  if (earlier.length === 0) return [head];
  const steps = [...earlier, last];
  if (head?.revision === last.revision) {
    const { updatedAt } = head;
    return steps.map(({ value, revision, author = null }) =>
      value === null ? null : { key, value: JSON.parse(value) as T, revision, updatedAt, author },
    );
  }
  // A deletion says nothing about time, and a replay made other revisions: history has both.
  const found = new Map<string, StoredVersion>();
  let after: string | undefined;
  while (found.size < steps.length) {
    const page = { limit: DRAFTS_MAX, ...(after === undefined ? {} : { after }) };
    const versions = await call("history", () => backend.history(collection, key, page));
    if (versions.length === 0) break;
    for (const version of versions) {
      if (steps.some(({ opId }) => opId === version.opId)) found.set(version.opId, version);
    }
    after = versions.at(-1)!.revision;
  }
  return steps.map(({ opId }) => {
    const version = found.get(opId);
    return version === undefined ? null : headAt(versionOf<T>(version));
  });
}
