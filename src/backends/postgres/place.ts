import type { Inspection, Owner, Place, Revocation } from "../../backend.ts";
import { restored } from "./names.ts";

type FlatPlace = readonly [
  id: string,
  owner: string,
  permits: number,
  token: number,
  since: number,
  expiresAt: number,
];
type FlatRevocation = readonly [at: number, reason: string, by: string, tokens: readonly number[]];

/** A place as the functions show it: a JSON text. */
export function placeOf(text: string): Place {
  const [id, owner, permits, token, since, expiresAt] = JSON.parse(text) as FlatPlace;
  return {
    leaseId: restored(id),
    owner: JSON.parse(owner) as Owner,
    permits,
    token: token === 0 ? null : token,
    since,
    expiresAt,
  };
}

function revocationOf(text: string): Revocation {
  const [at, reason, by, tokens] = JSON.parse(text) as FlatRevocation;
  return { at, reason: restored(reason), by: JSON.parse(by) as Owner, tokens };
}

/** A row of the function `inspect`. */
export function inspectionOf(row: Record<string, unknown>): Inspection {
  const places = (row["places"] as string[]).map(placeOf);
  return {
    resource: restored(String(row["name"])),
    now: Number(row["clock"]),
    capacity: places.length === 0 ? null : Number(row["capacity"]),
    places,
    revocations: (row["revocations"] as string[]).map(revocationOf),
  };
}
