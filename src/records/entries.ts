import type { Entry } from "../backend.ts";

/** What a declared field may hold; or a list of these, each of which is found. */
export type Scalar = string | number | boolean | null;

/** A declared field. */
export interface Field {
  /** As declared: names joined by dots, for instance `owner.id`. */
  readonly name: string;
  readonly unique: boolean;
}

const ENTRY_MAX_BYTES = 1_024;
const ENTRIES_MAX = 100;

/** What a value is found by. What is not there has no entry; null has one, but is never unique. */
export function entriesOf(key: string, value: unknown, fields: readonly Field[]): readonly Entry[] {
  const entries = fields.flatMap(({ name, unique }) => {
    const held = valueAt(value, name);
    const each = held === undefined ? [] : Array.isArray(held) ? held.map(asJson) : [held];
    const texts = each.filter((item) => !(unique && item === null)).map((item) => encoded(key, name, item));
    return [...new Set(texts)].map((text): Entry => ({ name, value: text, unique }));
  });
  if (entries.length > ENTRIES_MAX) {
    throw new RangeError(
      `"${key}" has ${entries.length} values in its declared fields, but at most ${ENTRIES_MAX} can be found`,
    );
  }
  return entries;
}

/**
 * A scalar as text that sorts as the scalars do: null, false, true, numbers, then texts by their bytes in
 * UTF-8.
 * @throws TypeError, RangeError
 */
export function encoded(key: string, name: string, value: unknown): string {
  if (value === null) return "0";
  if (typeof value === "boolean") return value ? "2" : "1";
  if (typeof value === "number") return `3${sortable(value)}`;
  if (typeof value !== "string") {
    throw new TypeError(
      `${name} of "${key}" is declared for finding, and must be text, a number, true, false, null, or a ` +
        `list of these, not ${Array.isArray(value) ? "a list" : typeof value}`,
    );
  }
  if (/\p{Surrogate}/u.test(value)) {
    throw new TypeError(`${name} of "${key}" must be well-formed text, but has an unpaired surrogate`);
  }
  const bytes = Buffer.byteLength(value);
  if (bytes >= ENTRY_MAX_BYTES) {
    throw new RangeError(
      `${name} of "${key}" is declared for finding, and may have ${ENTRY_MAX_BYTES - 1} bytes, but has ` +
        `${bytes}: declare a shorter field, a hash for instance`,
    );
  }
  return `4${value}`;
}

/** The bits of a double, so changed that they sort as numbers do: the sign's first, all of negative ones. */
function sortable(value: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value === 0 ? 0 : value);
  const bits = bytes.readBigUInt64BE();
  const top = 1n << 63n;
  const sorted = (bits & top) === 0n ? bits | top : bits ^ ((1n << 64n) - 1n);
  return sorted.toString(16).padStart(16, "0");
}

function valueAt(value: unknown, name: string): unknown {
  let at = asJson(value);
  for (const step of name.split(".")) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return undefined;
    at = asJson((at as Readonly<Record<string, unknown>>)[step]);
  }
  return at;
}

/** As JSON would have it: a date is its text, a number that is none is null. */
function asJson(value: unknown): unknown {
  const { toJSON } = (value ?? {}) as { readonly toJSON?: unknown };
  const json: unknown = typeof toJSON === "function" ? (toJSON.call(value) as unknown) : value;
  return typeof json === "number" && !Number.isFinite(json) ? null : json;
}
