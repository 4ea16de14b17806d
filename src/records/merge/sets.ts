import { canonical, type Json } from "./json.ts";
import type { Three } from "./three.ts";

/**
 * What is in both sides or was added by one; so what either side removed is gone. What the base has keeps its
 * order, what was added follows in an order of its own, so that it does not matter which side is which.
 */
export function mergeSets({ base, mine, theirs }: Three<readonly Json[]>): readonly Json[] {
  const [from, left, right] = [index(base), index(mine), index(theirs)];
  const kept = [...from].filter(([text]) => left.has(text) && right.has(text));
  const added = new Map([...left, ...right].filter(([text]) => !from.has(text)));
  const inOrder = [...added].sort(([a], [b]) => (a < b ? -1 : 1));
  return [...kept, ...inOrder].map(([, item]) => item);
}

function index(items: readonly Json[]): ReadonlyMap<string, Json> {
  return new Map(items.map((item) => [canonical(item), item]));
}
