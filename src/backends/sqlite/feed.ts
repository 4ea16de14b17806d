import type { FeedPage, FeedPosition, StoredVersion } from "../../backend.ts";
import type { Collections } from "./collections.ts";
import { restored } from "./names.ts";
import { versionOf, type VersionRows } from "./versions.ts";

export const positionAt = (place: number): FeedPosition => ({ place: String(place) });
export const placeOf = (position: FeedPosition): number => Number(position["place"]);

/**
 * Versions after a place, at most `limit`. There is one writer at a time, so places follow the order of
 * commits. Whether something has been pruned is looked at last: rows that were still there are true.
 */
export function feedPage(
  collections: Collections,
  versions: VersionRows,
  collection: string,
  place: number,
  limit: number,
): FeedPage {
  const id = collections.find(collection);
  const rows = id === undefined ? [] : versions.feed(id, place, limit + 1);
  const prunedTo = id === undefined ? 0 : collections.prunedTo(id);
  const end = versions.end();
  if (place < prunedTo || place > end) return { kind: "reset", position: positionAt(end) };
  const page = rows.slice(0, limit);
  return {
    kind: "page",
    versions: page.map((row): StoredVersion => versionOf(restored(row.key), row)),
    position: positionAt(page.at(-1)?.place ?? place),
    more: rows.length > limit,
  };
}
