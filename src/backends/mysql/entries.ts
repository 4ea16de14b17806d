import { createHash } from "node:crypto";
import type { Entry, EntryPage, Write } from "../../backend.ts";
import type { Transaction } from "./calls.ts";
import type { Names } from "./names.ts";

/** A write that is to take effect, with the collection that it belongs to and what its record has by now. */
export interface Wanting {
  readonly write: Write;
  readonly collection: number;
  readonly entries: readonly Entry[];
}

/** What stands for an entry's name in the index. */
export const fieldOf = (name: string): Buffer => createHash("sha256").update(name).digest();

/**
 * The first unique entry that cannot be had if all of these writes are to take effect together. Who claims
 * the same at the same time meets in the index: the later one waits there, and runs again.
 */
export async function takenEntry(
  writes: readonly (Wanting | undefined)[],
  names: Names,
  transaction: Transaction,
): Promise<{ readonly index: number; readonly entry: Entry; readonly key: string } | undefined> {
  const nameOf = (collection: number, ...rest: readonly string[]): string =>
    JSON.stringify([collection, ...rest]);
  const written = new Set(writes.map((each) => each && nameOf(each.collection, each.write.key)));
  const wanted = new Map<string, string>();
  for (const [index, each] of writes.entries()) {
    if (each === undefined || each.write.value === null) continue;
    const { collection, write } = each;
    for (const entry of write.entries ?? each.entries) {
      if (!entry.unique) continue;
      const claim = nameOf(collection, entry.name, entry.value);
      const rows = await transaction.rows(
        `SELECT name FROM ${names.table("entry")}
         WHERE collection = ? AND field = ? AND value = ? AND claims = 1`,
        [collection, fieldOf(entry.name), Buffer.from(entry.value)],
      );
      const holders = rows.map((row) => String(row["name"]));
      const key =
        wanted.get(claim) ?? holders.find((holder) => !written.has(nameOf(collection, holder)));
      if (key !== undefined) return { index, entry, key };
      wanted.set(claim, write.key);
    }
  }
  return undefined;
}

/** No value of 1,024 bytes that begins with the prefix sorts after it and this. */
const LAST = Buffer.from("\u{10FFFF}".repeat(256));

/** The entry that a page begins after, and the highest value in it. A record's key is not empty. */
export function entryRange({ equals, prefix = "", after }: EntryPage): {
  readonly value: Buffer;
  readonly key: Buffer;
  readonly highest: Buffer;
} {
  const lowest = Buffer.from(equals ?? prefix);
  const highest = equals === undefined ? Buffer.concat([lowest, LAST]) : lowest;
  const from = after === undefined ? undefined : Buffer.from(after.value);
  if (after === undefined || from === undefined || Buffer.compare(from, lowest) < 0) {
    return { value: lowest, key: Buffer.alloc(0), highest };
  }
  return { value: from, key: Buffer.from(after.key), highest };
}
