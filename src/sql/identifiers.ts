import type { SqlDialect } from "./executor.ts";

/** PostgreSQL cuts longer names without a word (63 bytes), MySQL and MariaDB refuse them (64 characters). */
const LENGTH_MAX = 63;

/**
 * A name of a table or column as it stands in SQL: quoted, so that it is a name whatever it says. Some
 * clients look for placeholders in the whole text, also in quoted names: a name that has one is refused.
 * @throws TypeError, RangeError
 */
export function identifier(dialect: SqlDialect, name: unknown, what: string): string {
  if (typeof name !== "string") throw new TypeError(`${what} must be a string, not ${typeof name}`);
  const bytes = Buffer.byteLength(name);
  if (bytes === 0 || bytes > LENGTH_MAX) {
    throw new RangeError(`${what} must have 1 to ${LENGTH_MAX} bytes, but "${name}" has ${bytes}`);
  }
  if (/\?|\$\d|\0|\p{Surrogate}/u.test(name)) {
    throw new RangeError(`${what} must not contain "?", "$" before a digit, or NUL, but is "${name}"`);
  }
  const quote = dialect === "postgres" ? '"' : "`";
  return quote + name.replaceAll(quote, quote + quote) + quote;
}

/** `table` or `schema.table`. @throws TypeError, RangeError */
export function tableName(dialect: SqlDialect, table: unknown): string {
  if (typeof table !== "string") throw new TypeError(`table must be a string, not ${typeof table}`);
  const parts = table.split(".");
  if (parts.length > 2) throw new RangeError(`table must be "table" or "schema.table", not "${table}"`);
  return parts.map((part) => identifier(dialect, part, "table")).join(".");
}
