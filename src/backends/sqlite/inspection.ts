import type { Inspection, Place } from "../../backend.ts";
import type { KeptPlace, Queue } from "./locks.ts";

/** What an onlooker sees: what has expired is gone, though no step has cleared it away yet. */
export function inspectionOf(resource: string, queue: Queue, now: number): Inspection {
  const places = queue.places.filter((place) => place.expiresAt > now);
  return {
    resource,
    now,
    capacity: places.length === 0 ? null : queue.capacity,
    places: places.map(shown),
    revocations: queue.revocations ?? [],
  };
}

export function shown({ leaseId, owner, permits, token, since, expiresAt }: KeptPlace): Place {
  return { leaseId, owner, permits, token: token === 0 ? null : token, since, expiresAt };
}
