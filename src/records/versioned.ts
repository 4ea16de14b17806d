import { ConflictError, type FieldConflict } from "../errors.ts";
import { checkInteger, checkSignal } from "../locks/options.ts";
import { differingFields } from "./fields.ts";
import { merge3 } from "./merge/merge3.ts";
import { checkRules, type MergeRules } from "./merge/rules.ts";
import { conflict } from "./optimistic.ts";
import type { RecordHead } from "./head.ts";
import { firstOf, versionOptions, type Strategy, type Updated, type VersionOptions } from "./strategies.ts";

export interface VersionedOptions extends VersionOptions {
  /** The revision that the edit was made on, for instance what a form was opened with; null: no record. */
  readonly base: string | null;
  /** How fields merge with what others wrote since. */
  readonly rules?: MergeRules;
  /** Further revisions that this one settles: after a conflict, the one that `mine` was made on. */
  readonly merges?: readonly string[];
  /** Most merges, if others go on writing; 1 … 1,000, default 20. */
  readonly attempts?: number;
  readonly signal?: AbortSignal;
}

/**
 * For edits that took long, such as a person's: `edit` gets the value at `base`, and what it makes of it is
 * merged with what others have written since ({@link merge3}). The merged version names both that it came
 * from. What cannot be merged is a ConflictError with base, mine, theirs of each field; settle it by another
 * update on `theirs`, with `merges: [base]`. Best for forms and offline work.
 * @throws ConflictError if fields clash, if `base` is no longer in the history, or after `attempts`
 */
export function versioned(options: VersionedOptions): Strategy {
  const { base, merges = [] } = options;
  if (base !== null && typeof base !== "string") {
    throw new TypeError("versioned takes the revision that was edited: versioned({ base: record.revision })");
  }
  const attempts = checkInteger(options.attempts ?? 20, "attempts", 1, 1_000);
  const rules = checkRules(options.rules ?? {});
  const signal = checkSignal(options.signal);
  const about = versionOptions(options);
  return async (target, edit) => {
    const { key, records } = target;
    let head = await records.get(key);
    const past = await pastOf(head);
    // If the base is out of reach, what the edit makes of the present value is proposed instead.
    const original = past === null ? (head?.value ?? null) : past.value;
    // A copy, since an edit may change what it is given.
    const mine = edit(structuredClone(original));
    if (options.opId !== undefined && (head?.revision ?? null) !== base) {
      // If it has been committed before, that is the answer, whatever others did since.
      const before = await target.commit([{ ...about, value: mine }], { ifRevision: base });
      if (before.kind !== "conflict") return updated(firstOf(before), 1);
      head = before.current;
    }
    if (past === null) throw conflict(key, base, mine, head);
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      const isMerge = (head?.revision ?? null) !== base;
      const value = isMerge ? mergedWith(head) : mine;
      const parents = isMerge && base !== null ? [...merges, base] : merges;
      const ifRevision = head?.revision ?? null;
      const committed = await target.commit([{ ...about, value, merges: parents }], { ifRevision });
      if (committed.kind !== "conflict") return updated(firstOf(committed), attempt);
      head = committed.current;
      if (attempt === attempts) throw conflict(key, ifRevision, value, head);
    }

    async function pastOf(now: typeof head) {
      if (base === null) return { value: null };
      return now?.revision === base ? now : records.at(key, base);
    }

    function mergedWith(now: typeof head) {
      const { value, conflicts } = merge3(original, mine, now?.value ?? null, rules);
      if (conflicts.length > 0) throw clash(now, conflicts);
      return value;
    }

    function clash(now: typeof head, conflicts: readonly FieldConflict[]): ConflictError {
      const fields = topLevel(conflicts) ?? differingFields(mine, now?.value ?? null);
      return new ConflictError(key, base, mine, now, fields, conflicts);
    }
  };
}

function updated<T>(record: RecordHead<T> | null, attempts: number): Updated<T> {
  return { record, attempts, strategy: "versioned", waitMs: 0, holdMs: 0, combined: 1 };
}

/** Undefined: the records as a whole. */
function topLevel(conflicts: readonly FieldConflict[]): readonly string[] | undefined {
  const names = conflicts.flatMap(({ fields }) => fields.map((field) => field.split("/", 2)[1]));
  if (names.includes(undefined)) return undefined;
  return [...new Set(names.map((name) => name!.replaceAll("~1", "/").replaceAll("~0", "~")))].sort();
}
