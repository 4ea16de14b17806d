import type { Admission } from "../../backend.ts";
import type { Holding } from "./holdings.ts";
import type { Work } from "./work.ts";
import { keptOf, type Kept } from "./place.ts";
import { fits, queueOf, type Queue } from "./queue.ts";
import { clockNow } from "./timeline.ts";
import * as op from "./transaction.ts";

/** A queue that changes this often under an attempt that must not wait counts as busy. */
const ATTEMPTS_MAX = 10;
/** Its key was never there, so it is free for the next one. */
const NEVER_PUT = 1;

/** What is to be sent for a request, and what its answer means. */
export interface Step {
  readonly holding: Holding;
  readonly txn: op.Txn;
  answered(reply: op.TxnReply, revision: number): Admission | Promise<Admission>;
}

/** The places that the last response of a transaction brings. */
export function placesIn(work: Work, reply: op.TxnReply | undefined): readonly Kept[] {
  const kvs = reply?.responses?.at(-1)?.response_range?.kvs ?? [];
  return kvs.flatMap((kv) => keptOf(work.keys, kv)?.kept ?? []);
}

/**
 * First come, first served: one transaction that takes the free resource, or takes a place and brings the
 * queue.
 */
export async function entering(work: Work, holding: Holding): Promise<Step> {
  const { request, key } = holding;
  const { leases, keys, session } = work;
  const [held, waiting] = await Promise.all([leases.for(request.ttlMs), leases.within(session.claimMs)]);
  const prefix = keys.placesOf(request.resource);
  const value = JSON.stringify(holding.value);
  const enqueue = op.nested(op.txn([op.isAbsent(key)], [op.put(key, value, waiting.id)]));
  return {
    holding,
    txn: op.txn(
      [op.isEmpty(prefix)],
      [op.put(key, value, held.id)],
      [...(request.wait ? [enqueue] : []), op.getAll(prefix)],
    ),
    answered(reply, revision) {
      if (reply.succeeded === true) {
        const kept = { key, leaseId: request.leaseId, createRevision: revision, modRevision: revision };
        work.read(request.resource, revision, [{ ...kept, lease: held.id, written: holding.value }]);
        return work.admission(holding);
      }
      const places = placesIn(work, reply);
      const { capacity } = queueOf(places);
      if (capacity !== null && capacity !== request.capacity) return refused(work, holding, capacity);
      if (!request.wait) return trying(work, holding, revision, places);
      work.read(request.resource, revision, places);
      return work.admission(holding);
    },
  };
}

/** Where it stands, of a place that is there already. */
export function looking(work: Work, holding: Holding): Step {
  const { resource } = holding.request;
  return {
    holding,
    txn: op.txn([], [op.getAll(work.keys.placesOf(resource))]),
    answered(reply, revision) {
      work.read(resource, revision, placesIn(work, reply));
      if (holding.state === "waiting") {
        work.holdings.prolong(holding, clockNow() + work.session.patienceMs);
      }
      return work.admission(holding);
    },
  };
}

function refused(work: Work, holding: Holding, capacity: number): Admission {
  const deletion = work.holdings.deletion(holding);
  work.holdings.end(holding, "gone", holding.request.wait ? 0 : NEVER_PUT);
  if (holding.request.wait) work.remove(deletion);
  return { kind: "mismatch", capacity };
}

/** Takes a place only if it is granted at once, beside others that share. */
async function trying(
  work: Work,
  holding: Holding,
  revision: number,
  places: readonly Kept[],
): Promise<Admission> {
  const { request, key } = holding;
  const { resource, permits } = request;
  const prefix = work.keys.placesOf(resource);
  const held = await work.leases.for(request.ttlMs);
  let [seenAt, seen] = [revision, places];
  for (let attempt = 1; ; attempt += 1) {
    const queue = queueOf(seen);
    // An earlier attempt, whose answer was lost, may have been granted.
    const isThere = seen.some((kept) => kept.key === key);
    if (!isThere && (!fits(queue, permits) || attempt > ATTEMPTS_MAX)) return busy(work, holding, queue);
    if (isThere) break;
    const put = op.put(key, JSON.stringify(holding.value), held.id);
    const reply = await work.transact(
      op.txn([op.isUnwrittenSince(prefix, seenAt)], [put, op.getAll(prefix)], [op.getAll(prefix)]),
    );
    seenAt = Number(reply.header.revision);
    seen = placesIn(work, reply);
    if (reply.succeeded === true) break;
  }
  work.read(resource, seenAt, seen);
  return work.admission(holding);
}

function busy(work: Work, holding: Holding, queue: Queue): Admission {
  const { resource, leaseId } = holding.request;
  const lookAt = work.holdings.lookAt(resource, leaseId, queue);
  work.holdings.end(holding, "gone", NEVER_PUT);
  return { kind: "busy", ahead: queue.standings.length, lookAt };
}
