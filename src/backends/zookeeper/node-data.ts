import { REVOCATIONS_MAX, type Owner, type Revocation } from "../../backend.ts";

/** What a place's node says about it, for onlookers. Times in ms since 1970, by its process. */
export interface PlaceData {
  readonly owner: Owner;
  readonly at: number;
  readonly ttlMs: number;
  readonly patienceMs: number;
}

/** Makes what the nodes of one process say. */
export function placeDataOf(owner: Owner, patienceMs: number): (at: number, ttlMs: number) => Buffer {
  const head = JSON.stringify({ owner, patienceMs }).slice(0, -1);
  return (at, ttlMs) => Buffer.from(`${head},"at":${at},"ttlMs":${ttlMs}}`);
}

/** A node that is not ours lasts as long as its session, which nobody tells. This is Curator's default. */
const FOREIGN_MS = 60_000;

/** Of a node that is not ours, such as Curator's, whose data is the address of its host. */
export function readPlaceData(bytes: Buffer, ctime: number): PlaceData {
  const parsed = parse(bytes);
  if (typeof parsed === "object" && parsed !== null && "owner" in parsed && "ttlMs" in parsed) {
    return parsed as PlaceData;
  }
  const text = bytes.toString("utf8").replaceAll(/[^\x20-\x7e]/g, "");
  const owner = { host: text === "" ? "unknown" : text, pid: 0 };
  return { owner, at: ctime, ttlMs: FOREIGN_MS, patienceMs: FOREIGN_MS };
}

/** What a resource's node keeps of force: the trail of forced releases, and whom the last steals hit. */
export interface Trail {
  readonly revocations: readonly Revocation[];
  readonly stolen: readonly number[];
}

export function readTrail(bytes: Buffer): Trail {
  const parsed = parse(bytes);
  if (typeof parsed !== "object" || parsed === null) return { revocations: [], stolen: [] };
  const { revocations, stolen } = parsed as Partial<Trail>;
  return {
    revocations: Array.isArray(revocations) ? revocations : [],
    stolen: Array.isArray(stolen) ? stolen : [],
  };
}

export function trailData({ revocations, stolen }: Trail): Buffer {
  return Buffer.from(
    JSON.stringify({
      revocations: revocations.slice(-REVOCATIONS_MAX),
      stolen: stolen.slice(-REVOCATIONS_MAX),
    }),
  );
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
