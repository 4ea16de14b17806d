import type { Draft } from "../commit.ts";
import type { UpdateTarget } from "../strategies.ts";
import type { Caller } from "./caller.ts";
import type { Head } from "./head.ts";

/** Edits that go into one write, each on what the one before has made. */
export interface Batch<T> {
  readonly base: string | null;
  readonly callers: readonly Caller<T>[];
  /** One for each caller. */
  readonly drafts: readonly Draft<T>[];
  /** What the last of them made, as JSON. */
  readonly text: string;
  /** How long the edits took. */
  readonly tookMs: number;
}

/** Beyond these a batch would hold up who comes next. */
const EDITS_MAX = 256;
const CHARACTERS_MAX = 1024 * 1024;

/**
 * Takes callers from the front of the line, in order, and runs their edits, for as long as the time lasts. An
 * edit that throws, or gives what cannot be kept, rejects its own caller and leaves no trace.
 */
export function compose<T>(
  line: Caller<T>[],
  head: Head<T>,
  { clock, text }: Pick<UpdateTarget<T>, "clock" | "text">,
  limits: { readonly edits: number; readonly ms: number },
): Batch<T> {
  const startedAt = clock.now();
  const callers: Caller<T>[] = [];
  const drafts: Draft<T>[] = [];
  const opIds = new Set<string>();
  let size = 0;
  // As text: each edit gets an object of its own, which it may change, or leave half done, without harm.
  let current = line.length === 1 ? undefined : head.text;
  while (line.length > 0 && callers.length < Math.min(limits.edits, EDITS_MAX) && size < CHARACTERS_MAX) {
    const now = clock.now();
    if (callers.length > 0 && now - startedAt > limits.ms) break;
    // The same update a second time: it gets its answer from the history.
    if (opIds.has(line[0]!.opId)) break;
    const caller = line.shift()!;
    try {
      const value = current === undefined ? head.spend() : (JSON.parse(current) as T | null);
      const draft = caller.attempt(value, now);
      current = draft.value === null ? "null" : text(draft.value);
      callers.push(caller);
      drafts.push(draft);
      opIds.add(caller.opId);
      size += current.length;
    } catch (error) {
      caller.fail(error);
    }
  }
  const tookMs = clock.now() - startedAt;
  return { base: head.revision, callers, drafts, text: current ?? "null", tookMs };
}
