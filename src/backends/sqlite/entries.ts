import type { Entry, EntryPage, FoundRecord, Write } from "../../backend.ts";
import type { SqliteDatabase, SqliteStatement } from "./driver.ts";
import { restored, stored } from "./names.ts";
import { shown, type HeadRow } from "./head.ts";

interface EntryRow extends HeadRow {
  readonly key: string;
  /** The entry's value. */
  readonly found: string;
}

export interface Taken {
  readonly index: number;
  readonly entry: Entry;
  readonly key: string;
}

/** A write that is to take effect, with the collection that it belongs to and what its record has by now. */
export interface Wanting {
  readonly write: Write;
  readonly collection: number;
  readonly entries: readonly Entry[];
}

/** Rows that one query reads at most, since it keeps the event loop meanwhile. */
const ROWS_MAX = 100;

/** The table of entries of live records. */
export class EntryRows {
  readonly #insert: SqliteStatement;
  readonly #delete: SqliteStatement;
  readonly #holders: SqliteStatement;
  readonly #page: SqliteStatement;

  constructor(database: SqliteDatabase) {
    const where = "collection = ? AND name = ? AND value = ?";
    this.#insert = database.prepare(
      "INSERT INTO holdfast_entry (collection, name, value, key, claims) VALUES (?, ?, ?, ?, ?)",
    );
    this.#delete = database.prepare(`DELETE FROM holdfast_entry WHERE ${where} AND key = ?`);
    this.#holders = database.prepare(`SELECT key FROM holdfast_entry WHERE ${where} AND claims = 1`);
    this.#page = database.prepare(
      `SELECT e.value AS found, e.key, v.value, v.revision, v.at, v.author
       FROM holdfast_entry AS e
       JOIN holdfast_record AS r ON r.collection = e.collection AND r.key = e.key
       JOIN holdfast_version AS v ON v.place = r.head
       WHERE e.collection = ? AND e.name = ? AND (e.value, e.key) > (?, ?)
       ORDER BY e.value, e.key LIMIT ?`,
    );
  }

  /** The first unique entry that cannot be had if all of these writes are to take effect together. */
  taken(writes: readonly (Wanting | undefined)[]): Taken | undefined {
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
        const key =
          wanted.get(claim) ??
          this.#holdersOf(collection, entry).find((holder) => !written.has(nameOf(collection, holder)));
        if (key !== undefined) return { index, entry, key };
        wanted.set(claim, write.key);
      }
    }
    return undefined;
  }

  replace(collection: number, key: string, before: readonly Entry[], after: readonly Entry[]): void {
    const text = (entry: Entry): string => JSON.stringify([entry.name, entry.value, entry.unique]);
    const [had, has] = [new Set(before.map(text)), new Set(after.map(text))];
    for (const entry of before) {
      if (has.has(text(entry))) continue;
      this.#delete.run(collection, stored(entry.name), stored(entry.value), stored(key));
    }
    for (const entry of after) {
      if (had.has(text(entry))) continue;
      const { name, value, unique } = entry;
      this.#insert.run(collection, stored(name), stored(value), stored(key), unique ? 1 : 0);
    }
  }

  /** Some of the page's entries, from after one on; `more`: there may be others. */
  page(
    collection: number,
    { name, equals, prefix = "" }: EntryPage,
    after: { readonly value: string; readonly key: string },
    limit: number,
  ): { readonly found: readonly FoundRecord[]; readonly more: boolean } {
    const most = Math.min(ROWS_MAX, limit);
    const from = [stored(after.value), stored(after.key)] as const;
    const rows = this.#page.all(collection, stored(name), ...from, most) as EntryRow[];
    const found: FoundRecord[] = [];
    for (const row of rows) {
      const value = restored(row.found);
      if (!value.startsWith(prefix) || value !== (equals ?? value)) return { found, more: false };
      found.push({ record: shown(restored(row.key), row)!, value });
    }
    return { found, more: rows.length === most };
  }

  #holdersOf(collection: number, { name, value }: Entry): readonly string[] {
    const rows = this.#holders.all(collection, stored(name), stored(value)) as { readonly key: string }[];
    return rows.map(({ key }) => restored(key));
  }
}

/** Where a page of entries begins: after this one. A record's key is not empty. */
export function startOf({ equals, prefix = "", after }: EntryPage): {
  readonly value: string;
  readonly key: string;
} {
  const lowest = { value: equals ?? prefix, key: "" };
  if (after === undefined) return lowest;
  return Buffer.compare(Buffer.from(after.value), Buffer.from(lowest.value)) >= 0 ? after : lowest;
}
