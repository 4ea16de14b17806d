import { checkInteger, checkMs, checkName } from "../locks/options.ts";
import type { Field } from "./entries.ts";
import { checkSchema, type StandardSchema } from "./schema.ts";

/** What a collection is. Declared once in each process that writes to it, the same everywhere. */
export interface CollectionOptions<T> {
  /**
   * Fields whose value at most one record may have, in the same step as the write: `["email", "owner.id"]`.
   */
  readonly unique?: readonly string[];
  /** Further fields to list records by. */
  readonly index?: readonly string[];
  /** A bad value is refused before it is written. */
  readonly schema?: StandardSchema<T>;
  readonly history?: HistoryLimits;
}

/** A version is forgotten when it is neither among the newest nor young, and no reader waits for it. */
export interface HistoryLimits {
  /** So many newest versions of each record stay, 1 … 1,000,000; default 100. */
  readonly keep?: number;
  /** Versions stay for at least so long, in ms, 1,000 … Infinity; default 604,800,000 (a week). */
  readonly forMs?: number;
}

/** What was declared, checked. */
export interface Declaration {
  readonly fields: readonly Field[];
  readonly schema: StandardSchema<unknown> | undefined;
  readonly keep: number;
  readonly forMs: number;
}

const FIELDS_MAX = 20;
const WEEK_MS = 7 * 24 * 3_600_000;

/** @throws TypeError, RangeError */
export function declarationOf<T>(collection: string, options: CollectionOptions<T>): Declaration {
  const { unique = [], index = [], schema, history = {} } = options;
  for (const fields of [unique, index]) {
    if (!Array.isArray(fields)) {
      throw new TypeError(`unique and index of "${collection}" must be lists of fields: unique: ["email"]`);
    }
  }
  const names = new Set([...unique, ...index]);
  for (const name of names) {
    checkName(name, `a declared field of "${collection}"`);
    if (name.split(".").includes("")) {
      throw new RangeError(`"${name}" of "${collection}" must be names joined by single dots: "owner.id"`);
    }
  }
  if (names.size > FIELDS_MAX) {
    throw new RangeError(`"${collection}" declares ${names.size} fields, but at most ${FIELDS_MAX} can be`);
  }
  return {
    fields: [...names].sort().map((name) => ({ name, unique: unique.includes(name) })),
    schema: schema === undefined ? undefined : checkSchema(collection, schema),
    keep: checkInteger(history.keep ?? 100, `history.keep of "${collection}"`, 1, 1_000_000),
    forMs: checkMs(history.forMs ?? WEEK_MS, `history.forMs of "${collection}"`, 1_000, Infinity),
  };
}

export function sameDeclaration(a: Declaration, b: Declaration): boolean {
  const text = ({ fields, keep, forMs }: Declaration): string =>
    JSON.stringify([fields, keep, String(forMs)]);
  return a.schema === b.schema && text(a) === text(b);
}
