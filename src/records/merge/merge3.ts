import type { FieldConflict } from "../../errors.ts";
import { fieldOf, isList, isObject, same, type Cell, type Json, type JsonObject } from "./json.ts";
import { mergeKeyed } from "./keyed-list.ts";
import type { FieldRule, FieldRules, MergeRules } from "./rules.ts";
import { checkRules, counts, isListRules } from "./rules.ts";
import { mergeSets } from "./sets.ts";
import { each, pointer, type Merging, type Three } from "./three.ts";

/** What came out of a merge. Without conflicts, `value` holds all that both sides did. */
export interface Merged<T> {
  /** Null: deleted. With conflicts, it holds theirs in each of those places, and is only a proposal. */
  readonly value: T | null;
  readonly conflicts: readonly FieldConflict[];
}

/**
 * Merges two values that were made from a common one. Deterministic, and the same with the sides exchanged.
 * What one side left alone becomes as the other side has it; what both changed alike is taken once, but
 * increments of a counter add up; what both changed otherwise, and no rule unites, is a conflict. Null: does
 * not exist. Fields that no rule names and that both sides add are in conflict unless they are equal.
 * @throws TypeError on rules that make no sense
 */
export function merge3<T>(
  base: T | null,
  mine: T | null,
  theirs: T | null,
  rules: MergeRules = {},
): Merged<T> {
  const { deletion = "conflict", ...root } = checkRules(rules);
  const merging: Merging = { deletion, conflicts: [] };
  const three = each({ base, mine, theirs }, (value) => (value ?? undefined) as Cell);
  // Two who create the same record do not know of each other: only a rule of a field may unite what they did.
  const rule = three.base === undefined ? "whole" : root;
  const value = mergeCell(three, rule, [""], merging);
  return { value: (value ?? null) as T | null, conflicts: merging.conflicts };
}

function mergeCell(three: Three, rule: FieldRule | undefined, at: readonly string[], merging: Merging): Cell {
  const { base, mine, theirs } = three;
  if (same(mine, base)) return theirs;
  if (same(theirs, base)) return mine;
  if (rule === "counter") {
    const sum = mergeCounters(three);
    if (sum !== undefined) return sum;
  }
  if (!counts(rule) && same(mine, theirs)) return theirs;
  if (mine === undefined || theirs === undefined) {
    if (merging.deletion === "wins") return undefined;
    if (merging.deletion === "loses") return mine ?? theirs;
  } else if (rule !== "whole" && rule !== "counter") {
    const inside = mergeInside({ base, mine, theirs }, rule, at[0] ?? "", merging);
    if (inside !== undefined) return inside;
  }
  if (!same(mine, theirs)) merging.conflicts.push({ fields: at, base, mine, theirs });
  return theirs;
}

/** Both sides' increments; undefined if that is no number. */
function mergeCounters({ base = 0, mine, theirs }: Three): number | undefined {
  if (typeof base !== "number" || typeof mine !== "number" || typeof theirs !== "number") return undefined;
  // In this order, so that it does not matter which side is which.
  const sum = mine + theirs - base;
  return Number.isFinite(sum) ? sum : undefined;
}

/** Undefined: not of the kind that the rule speaks of, to be merged as a whole. */
function mergeInside(
  { base, mine, theirs }: { readonly base: Cell; readonly mine: Json; readonly theirs: Json },
  rule: Exclude<FieldRule, "whole" | "counter"> | undefined,
  path: string,
  merging: Merging,
): Json | undefined {
  if (rule === "set" || isListRules(rule)) {
    const from = base ?? [];
    if (!isList(from) || !isList(mine) || !isList(theirs)) return undefined;
    const lists = { base: from, mine, theirs };
    if (rule === "set") return mergeSets(lists);
    return mergeKeyed(lists, rule.id, path, merging, (item, itemPath) =>
      mergeCell(item, withoutId(rule), [itemPath], merging),
    );
  }
  const from = base ?? (rule === undefined ? undefined : {});
  if (!isObject(from) || !isObject(mine) || !isObject(theirs)) return undefined;
  return mergeObjects({ base: from, mine, theirs }, rule ?? {}, path, merging);
}

function withoutId({ fields, groups }: FieldRules): FieldRules {
  return { ...(fields === undefined ? {} : { fields }), ...(groups === undefined ? {} : { groups }) };
}

function mergeObjects(
  three: Three<JsonObject>,
  { fields = {}, groups = [] }: FieldRules,
  path: string,
  merging: Merging,
): JsonObject {
  const entries: [string, Json][] = [];
  const grouped = new Set<string>();
  for (const name of namesOf(three)) {
    if (grouped.has(name)) continue;
    const group = groups.find((names) => names.includes(name));
    if (group === undefined) {
      const rule = Object.hasOwn(fields, name) ? fields[name] : undefined;
      const cell = each(three, (side) => fieldOf(side, name));
      const value = mergeCell(cell, rule, [pointer(path, name)], merging);
      if (value !== undefined) entries.push([name, value]);
    } else {
      for (const member of group) grouped.add(member);
      const cell = each(three, (side) => picked(side, group));
      const pointers = group.map((member) => pointer(path, member));
      entries.push(...Object.entries(mergeCell(cell, "whole", pointers, merging) as JsonObject));
    }
  }
  // Not by assignment: a field may be called "__proto__".
  return Object.fromEntries(entries);
}

/** The base's fields in its order, then what was added, in an order that does not depend on the sides. */
function namesOf({ base, mine, theirs }: Three<JsonObject>): readonly string[] {
  const added = [...Object.keys(mine), ...Object.keys(theirs)].filter((name) => !Object.hasOwn(base, name));
  return [...Object.keys(base), ...new Set(added.sort())];
}

function picked(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.flatMap((name): [string, Json][] => {
      const cell = fieldOf(object, name);
      return cell === undefined ? [] : [[name, cell]];
    }),
  );
}
