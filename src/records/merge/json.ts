/** What can stand in a field of a record; undefined: nothing stands there. */
export type Cell = Json | undefined;

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [name: string]: Json;
}

export function isObject(cell: Cell): cell is JsonObject {
  return typeof cell === "object" && cell !== null && !Array.isArray(cell);
}

export function isList(cell: Cell): cell is readonly Json[] {
  return Array.isArray(cell);
}

/** An own field: what an object inherits, such as `constructor`, is none of the record's. */
export function fieldOf(object: JsonObject, name: string): Cell {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** Equal as JSON: the order of fields does not matter, that of a list does; 0 and -0 are one number. */
export function same(a: Cell, b: Cell): boolean {
  if (a === b) return true;
  if (isList(a)) {
    return isList(b) && a.length === b.length && a.every((item, index) => same(item, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && same(a[name], b[name]))
  );
}

/** One text for what is {@link same}. */
export function canonical(cell: Json): string {
  if (isList(cell)) return `[${cell.map(canonical).join(",")}]`;
  if (!isObject(cell)) return JSON.stringify(cell);
  const fields = Object.keys(cell).sort();
  return `{${fields.map((name) => `${JSON.stringify(name)}:${canonical(cell[name]!)}`).join(",")}}`;
}
