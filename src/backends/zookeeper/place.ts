import type { Admission } from "../../backend.ts";
import type { Cancel } from "../../clock.ts";

/**
 * - `asking`: its node is being made, or nobody knows whether it was;
 * - `waiting`, `granted`: its node stands in line;
 * - `ended`: over; its node is gone, or is to go.
 */
export type PlaceState = "asking" | "waiting" | "granted" | "ended";

/** A place of this process. */
export interface OwnPlace {
  readonly resource: Resource;
  readonly leaseId: string;
  readonly permits: number;
  readonly capacity: number;
  readonly ttlMs: number;
  /** What its node says. */
  readonly data: Buffer;
  state: PlaceState;
  /** Whether it was by its own release that it ended. */
  isReleased: boolean;
  /** Name of its node, and the transaction that gave it its token; null and 0 while there is none. */
  name: string | null;
  token: number;
  /** Whether there may be a node of it that we have not heard of. */
  isUnsure: boolean;
  since: number;
  /** By the store's clock. */
  expiresAt: number;
  /** When last looked: how many stand in front, and how many of other processes wait behind. */
  ahead: number;
  strangers: number;
  isContended: boolean;
  /** Whether nobody else stood in line when last looked. */
  isAlone: boolean;
  /** Whether its turn comes when the node leaves that is watched for it, and the last force known by then. */
  isNext: boolean;
  floor: number;
  /** The node ahead whose end is told to us for it. */
  watched: string | null;
  /** Under way, shared by all who ask meanwhile. */
  admitting: Promise<Admission | undefined> | undefined;
  removing: Promise<boolean> | undefined;
  isRaising: boolean;
  cancelExpiry: Cancel | undefined;
}

/** A resource that this process has places of. */
export interface Resource {
  readonly name: string;
  /** Path of its node. */
  readonly path: string;
  readonly places: Map<string, OwnPlace>;
  /** Whether the server will tell when children come or go: what was seen last is true until then. */
  isWatched: boolean;
  lookedAt: number;
  cancelLook: Cancel | undefined;
}

export const pathOf = ({ resource, name }: OwnPlace): string => `${resource.path}/${String(name)}`;
