import type { FieldConflict } from "../../errors.ts";
import type { Cell } from "./json.ts";

/** What stands in one place of the common ancestor, of one descendant, and of the other. */
export interface Three<Side = Cell> {
  readonly base: Side;
  readonly mine: Side;
  readonly theirs: Side;
}

/** One merge under way. */
export interface Merging {
  readonly deletion: "conflict" | "wins" | "loses";
  readonly conflicts: FieldConflict[];
}

export function pointer(parent: string, name: string): string {
  return `${parent}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** The same of each side. */
export function each<From, To>(three: Three<From>, into: (side: From) => To): Three<To> {
  return { base: into(three.base), mine: into(three.mine), theirs: into(three.theirs) };
}
