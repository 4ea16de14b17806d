import type { Inspection, Owner, Place, Revocation } from "../backend.ts";
import type { LockTable } from "./lock-table.ts";

/** A holder or a waiter, as an onlooker sees it. Times in ms since 1970, by the store's clock. */
export interface PlaceView {
  readonly leaseId: string;
  /** Fencing token; null while waiting. */
  readonly token: bigint | null;
  readonly owner: Owner;
  /** `exclusive`: nobody else can hold beside it. */
  readonly mode: "exclusive" | "shared";
  readonly permits: number;
  /** Since when it holds, or waits. */
  readonly since: number;
  /** When it runs out unless renewed. */
  readonly expires: number;
}

/** A resource, who holds it and who waits for it, in the order of the queue. */
export interface LockView {
  readonly resource: string;
  /** The store's clock when it was looked at, to tell from the times below how long ago they were. */
  readonly now: number;
  /** All permits there are; null while nobody holds or waits. */
  readonly capacity: number | null;
  readonly holders: readonly PlaceView[];
  /** Those that other processes keep in their own local queues are not seen. */
  readonly waiters: readonly PlaceView[];
  /** The last forced releases, oldest first. */
  readonly revocations: readonly RevocationView[];
}

/** A place that was taken away. */
export type RevokedView = Omit<PlaceView, "mode">;

export interface RevocationView extends Omit<Revocation, "tokens"> {
  readonly tokens: readonly bigint[];
}

/** Full token of a place's first turn. Later turns inside its process are known to that process only. */
export const fullToken = (token: number): bigint => BigInt(token) * 1024n;

export function placeView({ leaseId, token, owner, permits, since, expiresAt }: Place): RevokedView {
  return {
    leaseId,
    token: token === null ? null : fullToken(token),
    owner,
    permits,
    since,
    expires: expiresAt,
  };
}

/** What the store knows, completed with what this process knows of its own callers. */
export function lockView(inspection: Inspection, table: LockTable, self: Owner): LockView {
  const { resource, now, capacity, places, revocations } = inspection;
  const views = places.map((place): PlaceView => {
    const view = placeView(place);
    const token = table.places.get(place.leaseId)?.lease?.token ?? view.token;
    return { ...view, token, mode: place.permits === capacity ? "exclusive" : "shared" };
  });
  const local = table.localWaiters(resource).map(
    (waiter, index): PlaceView => ({
      leaseId: `local:${index}`,
      token: null,
      owner: self,
      mode: waiter.demand.permits === waiter.demand.capacity ? "exclusive" : "shared",
      permits: waiter.demand.permits,
      since: Math.round(now - (table.clock.now() - waiter.since)),
      expires: Infinity,
    }),
  );
  return {
    resource,
    now,
    capacity: capacity ?? null,
    holders: views.filter((view) => view.token !== null),
    waiters: [...views.filter((view) => view.token === null), ...local],
    revocations: revocations.map((each) => ({ ...each, tokens: each.tokens.map(fullToken) })),
  };
}
