import type { Inspection, Owner, Place, Revocation } from "../../backend.ts";
import { queueOf, type KeptPlace } from "./queue.ts";

/** What an onlooker sees: what has expired is gone, though no step has cleared it away yet. */
export function inspectionOf(
  resource: string,
  row: { readonly queue: string; readonly revocations: string } | undefined,
  now: number,
): Inspection {
  if (row === undefined) return { resource, now, capacity: null, places: [], revocations: [] };
  const { capacity, places } = queueOf(row.queue);
  const live = places.filter((place) => place.expiresAt > now);
  return {
    resource,
    now,
    capacity: live.length === 0 ? null : capacity,
    places: live.map(shown),
    revocations: JSON.parse(row.revocations) as Revocation[],
  };
}

export function shown({ leaseId, owner, permits, token, since, expiresAt }: KeptPlace): Place {
  return {
    leaseId,
    owner: JSON.parse(owner) as Owner,
    permits,
    token: token === 0 ? null : token,
    since,
    expiresAt,
  };
}
