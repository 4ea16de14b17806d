import type { LockView, RevokedView } from "../index.ts";
import { relativeTime } from "./duration.ts";
import { shareText } from "./lock-text.ts";
import { ownerText } from "./owner-text.ts";
import { table } from "./table.ts";

/** Holders or waiters of a lock, one to a line. */
export function placeTable(title: string, places: readonly RevokedView[], lock: LockView): string {
  const rows = places.map((place) => [
    ownerText(place.owner),
    shareText(place, lock),
    place.token === null ? "" : place.token.toString(),
    relativeTime(place.since, lock.now),
    relativeTime(place.expires, lock.now),
    place.leaseId,
  ]);
  return table([title, "SHARE", "TOKEN", "SINCE", "EXPIRES", "LEASE"], rows);
}
