import type { Inspection, Owner, Place } from "../backend.ts";
import { fullToken } from "./inspection.ts";

/** Who leads, as an onlooker sees it. */
export interface Leader {
  /** What it called itself when it stood for election. */
  readonly id: string;
  /** The number of its term, which is its fencing token: higher for each later leader. */
  readonly term: bigint;
  /** What it proclaimed last in this term; null: nothing. */
  readonly value: string | null;
  readonly owner: Owner;
  /** Since when it leads, by the store's clock, ms since 1970. */
  readonly since: number;
}

/** Whoever leads holds the mutex of the election's own name. Around it stand two more locks. */
export const companions = (
  election: string,
): {
  /** The leader's place here has the value in its lease id. Shared: the new one comes before the old goes. */
  readonly value: string;
  /** The leader holds it, and knows by who waits for it that somebody wants it to hand over. */
  readonly handOver: string;
} => ({ value: `${election} (value)`, handOver: `${election} (hand-over)` });

/** The longest companion's name must still be a lock's name. */
export const COMPANION_BYTES = " (hand-over)".length;

/**
 * A lease id is the one thing that every store keeps of a place, shows to onlookers, and lets us choose. So
 * it carries what an election has to say, without a word of it in the contract with stores.
 */
export const tagOf = (text: string): string => Buffer.from(text).toString("base64url");

/** What the lease id carries; undefined: nothing, so it is no candidate's. */
function tagged(leaseId: string): string | undefined {
  const tag = leaseId.split(":")[2];
  return tag === undefined ? undefined : Buffer.from(tag, "base64url").toString();
}

/** A value is its term's: one that a former leader has left behind is nobody's. */
export const valueTag = (term: bigint, value: string): string => tagOf(`${term} ${value}`);

/** The leader, and how new its value is among those of its term. */
export interface Sighting {
  readonly leader: Leader;
  readonly valueToken: number;
}

export function sighted(election: Inspection, values: Inspection): Sighting | null {
  const place = election.places.find(({ token }) => token !== null);
  if (place === undefined || place.token === null) return null;
  const { leaseId, owner, since } = place;
  const term = fullToken(place.token);
  const { text: value, token: valueToken } = newestValue(values.places, term);
  return { leader: { id: tagged(leaseId) ?? leaseId, term, value, owner, since }, valueToken };
}

function newestValue(places: readonly Place[], term: bigint): { text: string | null; token: number } {
  let newest: { text: string | null; token: number } = { text: null, token: 0 };
  for (const { leaseId, token } of places) {
    const [, of, text] = /^(\d+) (.*)$/s.exec(tagged(leaseId) ?? "") ?? [];
    if (token === null || token <= newest.token || of !== String(term) || text === undefined) continue;
    newest = { text, token };
  }
  return newest;
}
