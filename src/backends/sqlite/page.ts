import type { Page } from "../../backend.ts";
import { restored, stored } from "./names.ts";

/** Rows that one query reads at most, since it keeps the event loop meanwhile. */
const ROWS_MAX = 100;

/**
 * The first `limit` rows of a page for which `show` has something to show. `fetch` gives rows from
 * a name on, that name included, in binary order.
 */
export async function collect<Row extends { readonly name: string }, Shown>(
  { prefix = "", after, limit }: Page,
  fetch: (from: string, limit: number) => Promise<readonly Row[]>,
  show: (name: string, row: Row) => Shown | null,
): Promise<readonly Shown[]> {
  const start = stored(prefix);
  let last = after === undefined ? undefined : stored(after);
  let from = last === undefined || isBefore(last, start) ? start : last;
  const found: Shown[] = [];
  while (found.length < limit) {
    const size = Math.min(ROWS_MAX, limit - found.length) + 1;
    const rows = await fetch(from, size);
    for (const row of rows) {
      if (!row.name.startsWith(start)) return found;
      if (row.name === last) continue;
      const shown = show(restored(row.name), row);
      if (shown !== null && found.length < limit) found.push(shown);
    }
    if (rows.length < size) return found;
    from = last = rows[rows.length - 1]?.name ?? from;
  }
  return found;
}

const isBefore = (a: string, b: string): boolean => Buffer.from(a).compare(Buffer.from(b)) < 0;
