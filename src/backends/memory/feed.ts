import type { FeedPage, FeedPosition, PruneRequest } from "../../backend.ts";
import { headOf, live, stored, type Collection, type KeptVersion } from "./collection.ts";

const positionAt = (place: number): FeedPosition => ({ place: String(place) });
const placeOf = (position: FeedPosition): number => Number(position["place"]);

export function feedEnd({ end }: Collection): FeedPosition {
  return positionAt(end);
}

export function changes(collection: Collection, after: FeedPosition | null, limit: number): FeedPage {
  const { feed, end, prunedTo } = collection;
  const place = after === null ? 0 : placeOf(after);
  if (place < prunedTo || place > end) return { kind: "reset", position: feedEnd(collection) };
  const from = firstAfter(feed, place);
  const page = feed.slice(from, from + limit);
  return {
    kind: "page",
    versions: page.map(stored),
    position: positionAt(page.at(-1)?.place ?? place),
    more: from + page.length < feed.length,
  };
}

export function prune(collection: Collection, request: PruneRequest): number {
  const { before, keep, limit } = request;
  const upTo = Math.min(...(request.upTo ?? []).map(placeOf));
  const mayGo = ({ at, place }: KeptVersion): boolean => at < before && place <= upTo;
  const gone = new Set<KeptVersion>();
  for (const [key, kept] of collection.records) {
    const head = headOf(kept)!;
    const spare = live(head) === null && mayGo(head) ? 0 : Math.max(1, keep);
    while (gone.size < limit && kept.versions.length > spare && mayGo(kept.versions[0]!)) {
      const version = kept.versions.shift()!;
      kept.made.delete(version.opId);
      collection.prunedTo = Math.max(collection.prunedTo, version.place);
      gone.add(version);
    }
    if (kept.versions.length === 0) collection.records.delete(key);
  }
  collection.feed = collection.feed.filter((version) => !gone.has(version));
  return gone.size;
}

/** Index of the first version after a place, by halving. */
function firstAfter(feed: readonly KeptVersion[], place: number): number {
  let [low, high] = [0, feed.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (feed[middle]!.place > place) high = middle;
    else low = middle + 1;
  }
  return low;
}
