import { isDeepStrictEqual } from "node:util";

/** Top-level fields in which two values differ; none if one of them has no fields. */
export function differingFields(mine: unknown, theirs: unknown): readonly string[] {
  if (!hasFields(mine) || !hasFields(theirs)) return [];
  const names = new Set([...Object.keys(mine), ...Object.keys(theirs)]);
  return [...names].filter((name) => !isDeepStrictEqual(mine[name], theirs[name])).sort();
}

function hasFields(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
