import { isDeepStrictEqual } from "node:util";

/**
 * An operation of a JSON Patch: RFC 6902, https://www.rfc-editor.org/rfc/rfc6902. Paths are JSON Pointers.
 */
export type PatchOperation =
  | { readonly op: "add" | "replace"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string };

type Fields = Readonly<Record<string, unknown>>;

/**
 * What makes `b` of `a`, both JSON values: `applyPatch(a, diff(a, b))` equals `b`. Empty if they are equal.
 */
export function diff(a: unknown, b: unknown): readonly PatchOperation[] {
  const operations: PatchOperation[] = [];
  compare(a, b, "", operations);
  return operations;
}

/**
 * The value that a patch makes of another, which stays as it is. Knows the operations that `diff` makes.
 * @throws RangeError if a path leads nowhere
 */
export function applyPatch(value: unknown, operations: readonly PatchOperation[]): unknown {
  return operations.reduce((made, operation) => applied(made, tokens(operation.path), operation), value);
}

function compare(a: unknown, b: unknown, path: string, operations: PatchOperation[]): void {
  if (isDeepStrictEqual(a, b)) return;
  if (Array.isArray(a) && Array.isArray(b)) compareLists(a, b, path, operations);
  else if (isFields(a) && isFields(b)) compareFields(a, b, path, operations);
  else operations.push({ op: "replace", path, value: b });
}

function compareFields(a: Fields, b: Fields, path: string, operations: PatchOperation[]): void {
  for (const name of Object.keys(a)) {
    if (!Object.hasOwn(b, name)) operations.push({ op: "remove", path: `${path}/${escape(name)}` });
  }
  for (const [name, value] of Object.entries(b)) {
    const at = `${path}/${escape(name)}`;
    if (Object.hasOwn(a, name)) compare(a[name], value, at, operations);
    else operations.push({ op: "add", path: at, value });
  }
}

/** Items that begin or end both lists alike stay; those between are changed one by one, then cut or added. */
function compareLists(
  a: readonly unknown[],
  b: readonly unknown[],
  path: string,
  operations: PatchOperation[],
): void {
  let start = 0;
  while (start < a.length && start < b.length && isDeepStrictEqual(a[start], b[start])) start += 1;
  let [endA, endB] = [a.length, b.length];
  while (endA > start && endB > start && isDeepStrictEqual(a[endA - 1], b[endB - 1])) {
    endA -= 1;
    endB -= 1;
  }
  const common = Math.min(endA, endB);
  for (let at = start; at < common; at += 1) compare(a[at], b[at], `${path}/${at}`, operations);
  for (let at = endA - 1; at >= common; at -= 1) operations.push({ op: "remove", path: `${path}/${at}` });
  for (let at = common; at < endB; at += 1)
    operations.push({ op: "add", path: `${path}/${at}`, value: b[at] });
}

function applied(value: unknown, [first, ...rest]: readonly string[], operation: PatchOperation): unknown {
  if (first === undefined) return operation.op === "remove" ? undefined : operation.value;
  const isLast = rest.length === 0;
  if (Array.isArray(value)) {
    const isAdded = isLast && operation.op === "add";
    const at = first === "-" && isAdded ? value.length : Number(first);
    if (!/^(?:-|0|[1-9]\d*)$/.test(first) || !(at < value.length + (isAdded ? 1 : 0)))
      throw nowhere(operation);
    if (isAdded) return value.toSpliced(at, 0, operation.value);
    if (isLast && operation.op === "remove") return value.toSpliced(at, 1);
    return value.with(at, applied(value[at], rest, operation));
  }
  if (!isFields(value)) throw nowhere(operation);
  if (!Object.hasOwn(value, first) && !(isLast && operation.op === "add")) throw nowhere(operation);
  const others = Object.entries(value);
  const at = others.findIndex(([name]) => name === first);
  if (isLast && operation.op === "remove") return Object.fromEntries(others.toSpliced(at, 1));
  const changed: [string, unknown] = [first, applied(value[first], rest, operation)];
  // fromEntries defines fields, whatever their names: assigning "__proto__" would not.
  return Object.fromEntries(at < 0 ? [...others, changed] : others.with(at, changed));
}

const escape = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1");

function tokens(path: string): readonly string[] {
  if (path === "") return [];
  if (!path.startsWith("/")) throw new RangeError(`"${path}" is no JSON Pointer: it must begin with "/"`);
  return path
    .slice(1)
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const nowhere = ({ op, path }: PatchOperation): RangeError =>
  new RangeError(`cannot ${op} "${path}": there is no such place in the value`);
