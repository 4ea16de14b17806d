import type { EntryPage, Page } from "../backend.ts";
import { checkInteger, checkName } from "../locks/options.ts";
import type { Collection } from "./collection.ts";
import { encoded, type Scalar } from "./entries.ts";

export interface ListOptions {
  /** Only records with this value in a declared field: `{ stage: "won" }`. By key. */
  readonly where?: Readonly<Record<string, Scalar>>;
  /** By a declared field: null, false, true, numbers, texts; then by key. Records without it are left out. */
  readonly orderBy?: string;
  /** With `orderBy`: from this value on. */
  readonly from?: Scalar;
  /** Keys that start with this; with `orderBy`, texts of the field that do. */
  readonly prefix?: string;
  /** Records after this key; with `orderBy`, after this value of the field and this key. */
  readonly after?: string | { readonly value: Scalar; readonly key: string };
  /** 1 … 10,000; default 100. */
  readonly limit?: number;
}

/** A page of keys, or of entries. */
export type Listing =
  { readonly by: "key"; readonly page: Page } | { readonly by: "entry"; readonly page: EntryPage };

/** @throws TypeError, RangeError before any I/O */
export function listingOf<T>(collection: Collection<T>, options: ListOptions): Listing {
  const { where, orderBy, prefix, from, after } = options;
  const limit = checkInteger(options.limit ?? 100, "limit", 1, 10_000);
  if (where !== undefined) {
    refuse("where", { orderBy, prefix, from });
    const [condition, ...more] = Object.entries(where);
    if (condition === undefined || more.length > 0) {
      throw new TypeError(
        'where takes one declared field and its value: { stage: "won" }; filter by others yourself',
      );
    }
    const [name, value] = condition;
    const equals = encoded(name, collection.field(name).name, value);
    return {
      by: "entry",
      page: {
        name,
        equals,
        limit,
        ...(after === undefined ? {} : { after: { value: equals, key: keyOf(after) } }),
      },
    };
  }
  if (orderBy !== undefined) {
    const { name } = collection.field(orderBy);
    if (prefix !== undefined) refuse("prefix", { from });
    const start = startOf(name, from, after);
    return {
      by: "entry",
      page: {
        name,
        limit,
        ...(prefix === undefined ? {} : { prefix: encoded("prefix", name, prefix) }),
        ...(start === undefined ? {} : { after: start }),
      },
    };
  }
  refuse("a list by key", { from });
  return {
    by: "key",
    page: {
      limit,
      ...(prefix === undefined ? {} : { prefix }),
      ...(after === undefined ? {} : { after: keyOf(after) }),
    },
  };
}

/** No record's key is empty: after the empty one come all that have the value. */
function startOf(name: string, from: Scalar | undefined, after: ListOptions["after"]): EntryPage["after"] {
  if (after !== undefined) {
    if (typeof after === "string")
      throw new TypeError("with orderBy, after is { value, key } of the last record");
    return { value: encoded("after", name, after.value), key: checkName(after.key, "after.key") };
  }
  return from === undefined ? undefined : { value: encoded("from", name, from), key: "" };
}

function keyOf(after: NonNullable<ListOptions["after"]>): string {
  if (typeof after === "string") return after;
  throw new TypeError("after is the key of the last record: { value, key } goes with orderBy");
}

function refuse(what: string, others: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(others)) {
    if (value !== undefined) throw new TypeError(`${what} does not go with ${name}: use one of them`);
  }
}
