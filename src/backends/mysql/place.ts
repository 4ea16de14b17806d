import type { Inspection, Owner, Place, Revocation } from "../../backend.ts";
import type { Row } from "./calls.ts";

/** What the procedures' lists are made of; see rule.ts. */
const HEADER = 70;
const AFTER_ID = 0xfd;
const AFTER_PLACE = 0xfe;

export function placesOf(list: Buffer): readonly Place[] {
  const places: Place[] = [];
  for (let at = 0; at < list.length; ) {
    const idEnd = list.indexOf(AFTER_ID, at);
    const end = list.indexOf(AFTER_PLACE, idEnd);
    const number = (from: number, width: number): number =>
      Number(list.toString("latin1", at + from, at + from + width));
    const token = number(22, 16);
    places.push({
      leaseId: list.toString("utf8", at + HEADER + 1, idEnd),
      owner: JSON.parse(list.toString("utf8", idEnd + 1, end)) as Owner,
      permits: number(0, 10),
      token: token === 0 ? null : token,
      since: number(38, 16),
      expiresAt: number(54, 16),
    });
    at = end + 1;
  }
  return places;
}

function revocationsOf(list: Buffer): readonly Revocation[] {
  const revocations: Revocation[] = [];
  for (let at = 0; at < list.length; ) {
    const numbersEnd = list.indexOf(AFTER_ID, at);
    const end = list.indexOf(AFTER_PLACE, numbersEnd);
    const [time = 0, ...tokens] = list.toString("latin1", at + 1, numbersEnd).split(" ").map(Number);
    const [reason, by] = JSON.parse(list.toString("utf8", numbersEnd + 1, end)) as [string, Owner];
    revocations.push({ at: time, reason, by, tokens });
    at = end + 1;
  }
  return revocations;
}

/** A row of a lock, and the server's clock. */
export function inspectionOf(resource: string, now: number, row: Row | undefined): Inspection {
  const bytes = (name: string): Buffer => (row?.[name] as Buffer | undefined) ?? Buffer.alloc(0);
  const places = [...placesOf(bytes("held")), ...placesOf(bytes("queue"))].filter(
    ({ expiresAt }) => expiresAt > now,
  );
  return {
    resource,
    now,
    capacity: places.length === 0 ? null : Number(row?.["capacity"]),
    places,
    revocations: revocationsOf(bytes("revocations")),
  };
}
