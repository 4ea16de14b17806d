import type { Entry, EntryPage } from "../../backend.ts";

/**
 * An entry as it is kept, so that binary order is that of names, then of values: each ends with \0\1, and
 * a \0 within is \0\2. Behind a mark, u (unique) or n.
 */
export const entryText = ({ name, value, unique }: Entry): string =>
  (unique ? "u" : "n") + ended(name) + ended(value);

export function entryOf(text: string): Entry {
  const [name = "", value = ""] = text.slice(1).split(END);
  return { name: unescaped(name), value: unescaped(value), unique: text.startsWith("u") };
}

/** What an index has of an entry: the same without the mark, then the record's key. */
export function indexed(member: string): { readonly value: string; readonly key: string } {
  const name = member.indexOf(END) + END.length;
  const value = member.indexOf(END, name);
  return { value: unescaped(member.slice(name, value)), key: member.slice(value + END.length) };
}

export interface Range {
  /** As ZRANGEBYLEX takes it. */
  readonly from: string;
  /** What all begin with. */
  readonly prefix: string;
}

/** The part of an index that a page is taken from. */
export function rangeOf({ name, equals, prefix = "", after }: EntryPage): Range {
  const all = ended(name) + (equals === undefined ? escaped(prefix) : ended(equals));
  return rangeAfter(all, after && ended(name) + ended(after.value) + after.key);
}

/** What begins with the prefix and comes after that, in binary order. */
export function rangeAfter(prefix: string, after: string | undefined): Range {
  const isLater = after !== undefined && Buffer.from(after).compare(Buffer.from(prefix)) >= 0;
  return { from: isLater ? `(${after}` : `[${prefix}`, prefix };
}

const END = "\0\u0001";
const ended = (text: string): string => escaped(text) + END;
const escaped = (text: string): string => text.replaceAll("\0", "\0\u0002");
const unescaped = (text: string): string => text.replaceAll("\0\u0002", "\0");
