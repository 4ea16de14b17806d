import { fieldOf, isObject, same, type Cell, type Json } from "./json.ts";
import { each, pointer, type Merging, type Three } from "./three.ts";

type Items = ReadonlyMap<string, Json>;
type Ids = readonly string[];

/**
 * Merges lists whose items are told apart by a field: each item by itself, and their order, too. Undefined if
 * an item has no id of its own.
 */
export function mergeKeyed(
  three: Three<readonly Json[]>,
  id: string,
  path: string,
  merging: Merging,
  mergeItem: (item: Three, path: string) => Cell,
): readonly Json[] | undefined {
  const base = byId(three.base, id);
  const mine = byId(three.mine, id);
  const theirs = byId(three.theirs, id);
  if (base === undefined || mine === undefined || theirs === undefined) return undefined;
  const merged = new Map<string, Json>();
  for (const key of new Set([...base.keys(), ...[...mine.keys(), ...theirs.keys()].sort()])) {
    const item = { base: base.get(key), mine: mine.get(key), theirs: theirs.get(key) };
    const value = mergeItem(item, pointer(path, String(JSON.parse(key))));
    if (value !== undefined) merged.set(key, value);
  }
  const ids = each({ base, mine, theirs }, (items): Ids => [...items.keys()]);
  return orderOf(ids, merged, path, merging).map((key) => merged.get(key)!);
}

/** By the id's JSON text, so that 1 and "1" differ. */
function byId(items: readonly Json[], id: string): Items | undefined {
  const found = new Map<string, Json>();
  for (const item of items) {
    const key = isObject(item) ? fieldOf(item, id) : undefined;
    if (typeof key !== "string" && typeof key !== "number") return undefined;
    found.set(JSON.stringify(key), item);
  }
  return found.size === items.length ? found : undefined;
}

/**
 * The order of what all three have is one thing, which both sides may have changed; each item that one side
 * added stays behind the one that it was put behind there.
 */
function orderOf(sides: Three<Ids>, merged: Items, path: string, merging: Merging): Ids {
  const lists = [sides.base, sides.mine, sides.theirs].map((ids) => new Set(ids));
  const everywhere = (key: string): boolean => lists.every((ids) => ids.has(key));
  const common = each(sides, (ids) => ids.filter(everywhere));
  const order = commonOrder(common, sides, path, merging);
  const mine = runs(sides.mine, everywhere);
  const theirs = runs(sides.theirs, everywhere);
  const placed = new Set<string>();
  for (const anchor of [undefined, ...order]) {
    if (anchor !== undefined) placed.add(anchor);
    const both = [mine.get(anchor) ?? [], theirs.get(anchor) ?? []].sort(compareIds);
    for (const key of both.flat()) placed.add(key);
  }
  return [...placed].filter((key) => merged.has(key));
}

function commonOrder(common: Three<Ids>, sides: Three<Ids>, path: string, merging: Merging): Ids {
  if (same(common.mine, common.base)) return common.theirs;
  if (same(common.theirs, common.base) || same(common.mine, common.theirs)) return common.mine;
  const ids = each(sides, (keys) => keys.map((key) => JSON.parse(key) as Json));
  merging.conflicts.push({ fields: [path], ...ids });
  return common.theirs;
}

/** What one side put behind each of the items that all have; undefined: at the beginning. */
function runs(ids: Ids, everywhere: (key: string) => boolean): ReadonlyMap<string | undefined, Ids> {
  const found = new Map<string | undefined, string[]>();
  let anchor: string | undefined;
  for (const key of ids) {
    if (everywhere(key)) anchor = key;
    else if (found.has(anchor)) found.get(anchor)!.push(key);
    else found.set(anchor, [key]);
  }
  return found;
}

function compareIds(a: Ids, b: Ids): number {
  const [left, right] = [a.join(), b.join()];
  return left < right ? -1 : left > right ? 1 : 0;
}
