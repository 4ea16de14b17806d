import { FORGOTTEN_MAX, type Owner, type Place, type Revocation } from "../../backend.ts";

/** A place as it is kept. `token` 0: still waiting. */
export interface Kept {
  readonly leaseId: string;
  readonly owner: Owner;
  readonly permits: number;
  readonly claimMs: number;
  token: number;
  since: number;
  expiresAt: number;
}

export interface Resource {
  capacity: number;
  /** Highest token ever minted. */
  last: number;
  places: Kept[];
  /** Ids of places that ended, oldest first, and whether it was by their release. */
  ended: { readonly leaseId: string; readonly released: boolean }[];
  revocations: Revocation[];
  idleSince: number;
}

export const processOf = (leaseId: string): string => leaseId.slice(0, leaseId.indexOf(":"));

export const nextToken = (last: number, now: number): number => Math.max(last + 1, Math.floor(now * 1000));

export function mint(kept: Resource, place: Kept, now: number, ms: number): void {
  place.token = kept.last = nextToken(kept.last, now);
  place.since = now;
  place.expiresAt = now + ms;
}

export function forget(kept: Resource, leaseId: string, released: boolean): void {
  kept.ended.push({ leaseId, released });
  if (kept.ended.length > FORGOTTEN_MAX) kept.ended.shift();
}

export function permitsOf(places: readonly Kept[]): number {
  let sum = 0;
  for (const place of places) sum += place.permits;
  return sum;
}

export function earliestExpiry(places: readonly Kept[]): number {
  let earliest = Infinity;
  for (const place of places) earliest = Math.min(earliest, place.expiresAt);
  return earliest;
}

/** Waiting places of other processes than the one that has this place. */
export function strangersWaiting(kept: Resource, place: Kept): number {
  const own = `${processOf(place.leaseId)}:`;
  let count = 0;
  for (const each of kept.places) if (each.token === 0 && !each.leaseId.startsWith(own)) count += 1;
  return count;
}

export function shown({ leaseId, owner, permits, token, since, expiresAt }: Kept): Place {
  return { leaseId, owner, permits, token: token === 0 ? null : token, since, expiresAt };
}
