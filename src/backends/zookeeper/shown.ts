import type { Place } from "../../backend.ts";
import type { Stat } from "./client/protocol.ts";
import type { Child } from "./names.ts";
import { readPlaceData } from "./node-data.ts";

/** A place as an onlooker sees it: by its node. */
export function shownPlace(child: Child, data: Buffer, stat: Stat, isHeld: boolean, now: number): Place {
  const { owner, at, ttlMs, patienceMs } = readPlaceData(data, stat.ctime);
  const lastsMs = isHeld ? ttlMs : patienceMs;
  return {
    leaseId: child.leaseId,
    owner,
    permits: Number.isFinite(child.permits) ? child.permits : 1,
    token: isHeld ? stat.mzxid : null,
    since: at,
    // What is there beyond its time was renewed: it has at most as much again.
    expiresAt: at + lastsMs > now ? at + lastsMs : now + lastsMs,
  };
}
