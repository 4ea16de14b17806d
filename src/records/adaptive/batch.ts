import type { Clock } from "../../clock.ts";
import type { Draft } from "../commit.ts";
import type { Caller } from "./caller.ts";
import type { Head } from "./head.ts";

/** Edits that go into one write, each on what the one before has made. */
export interface Batch<T> {
  readonly base: string | null;
  readonly callers: readonly Caller<T>[];
  /** One for each caller. */
  readonly drafts: readonly Draft<T>[];
  /** How long the edits took. */
  readonly tookMs: number;
}

/** Beyond these a batch would hold up who comes next. */
const EDITS_MAX = 256;
const CHARACTERS_MAX = 1024 * 1024;

/**
 * Takes callers from the front of the line, in order, and runs their edits, for as long as the time lasts. An
 * edit that throws rejects its own caller and leaves no trace.
 */
export function compose<T>(
  line: Caller<T>[],
  head: Head<T>,
  clock: Clock,
  limits: { readonly edits: number; readonly ms: number },
): Batch<T> {
  const startedAt = clock.now();
  const callers: Caller<T>[] = [];
  const drafts: Draft<T>[] = [];
  const opIds = new Set<string>();
  let size = 0;
  // As text: each edit gets an object of its own, which it may change, or leave half done, without harm.
  let current = head.text;
  while (line.length > 0 && callers.length < Math.min(limits.edits, EDITS_MAX) && size < CHARACTERS_MAX) {
    const now = clock.now();
    if (callers.length > 0 && now - startedAt > limits.ms) break;
    // The same update a second time: it gets its answer from the history.
    if (opIds.has(line[0]!.opId)) break;
    const caller = line.shift()!;
    const draft = caller.attempt(JSON.parse(current) as T | null, now);
    if (draft === undefined) continue;
    const text = textOf(draft.value);
    if (text === undefined && callers.length > 0) {
      // It will be refused: alone.
      caller.backInLine();
      line.unshift(caller);
      break;
    }
    callers.push(caller);
    drafts.push(draft);
    opIds.add(caller.opId);
    if (text === undefined) break;
    size += text.length;
    current = text;
  }
  return { base: head.revision, callers, drafts, tookMs: clock.now() - startedAt };
}

/** Undefined: no JSON. */
function textOf(value: unknown): string | undefined {
  try {
    const text = JSON.stringify(value) as string | undefined;
    return text === "null" && value !== null ? undefined : text;
  } catch {
    return undefined;
  }
}
