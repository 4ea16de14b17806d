import {
  REVOCATIONS_MAX,
  type Admission,
  type Place,
  type Revocation,
  type RevokeRequest,
} from "../../backend.ts";
import { BackendError } from "../../errors.ts";
import { entering, placesIn } from "./entering.ts";
import type { Holding } from "./holdings.ts";
import { fromBase64, base64 } from "./names.ts";
import { mayEndAt, shown, tokenOf, type Kept } from "./place.ts";
import { queueOf } from "./queue.ts";
import { clockNow } from "./timeline.ts";
import * as op from "./transaction.ts";
import type { Work } from "./work.ts";

const ATTEMPTS_MAX = 10;
/** How many keys one transaction may touch: `--max-txn-ops` of etcd, less some. */
const TOUCHED_MAX = 100;
/** The trail of forced releases outlives the last one by a day. */
const TRAIL_MS = 86_400_000;

/** Takes the place of all holders, ahead of all who wait, in one transaction. */
export async function steal(work: Work, holding: Holding): Promise<Admission> {
  const { request, key } = holding;
  const { resource } = request;
  const prefix = work.keys.placesOf(resource);
  const held = await work.leases.for(request.ttlMs);
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const reply = await work.transact(op.txn([], [op.getAll(prefix)]));
    const revision = Number(reply.header.revision);
    const places = placesIn(work, reply);
    const { capacity, standings } = queueOf(places);
    if (places.some((kept) => kept.key === key)) {
      work.read(resource, revision, places);
      return work.admission(holding);
    }
    if (capacity !== null && capacity !== request.capacity) {
      work.holdings.end(holding, "gone", revision);
      return { kind: "mismatch", capacity };
    }
    const holders = standings.filter(({ isGranted }) => isGranted).map(({ kept }) => kept);
    const waiting = standings.filter(({ isGranted }) => !isGranted).map(({ kept }) => kept);
    if (holders.length === 0) {
      const step = await entering(work, holding);
      const entered = await work.transact(step.txn);
      return step.answered(entered, Number(entered.header.revision));
    }
    refuseUnlessPossible(resource, waiting, places.length);
    const value = JSON.stringify({ ...holding.value, front: true });
    const stamped = waiting.map((kept, index) => restamp(kept, index + 1));
    const stolen = await work.transact(
      op.txn(
        [op.isUnwrittenSince(prefix, revision), ...places.map(isThere)],
        [...holders.map(removal), op.put(key, value, held.id), ...stamped, op.getAll(prefix)],
      ),
    );
    if (stolen.succeeded !== true) continue;
    work.read(resource, Number(stolen.header.revision), placesIn(work, stolen));
    return work.admission(holding);
  }
  throw tooFast("admit");
}

const isThere = ({ createRevision, key }: Kept): op.Compare => op.isFrom(key, createRevision);
const removal = ({ key }: Kept): op.Operation => op.remove(key);

function tooFast(operation: string): BackendError {
  return new BackendError("etcd", operation, "not-applied", { detail: "the queue changes too fast" });
}

function refuseUnlessPossible(resource: string, waiting: readonly Kept[], places: number): void {
  const foreign = waiting.some((kept) => kept.written === undefined);
  if (!foreign && places <= TOUCHED_MAX) return;
  const detail = foreign
    ? `another program waits for "${resource}", and would not notice the theft`
    : `"${resource}" has more than ${TOUCHED_MAX} places, too many for one transaction`;
  throw new BackendError("etcd", "admit", "not-applied", { detail });
}

/** Whoever waited gets a token above the thief's, made from the same revision. */
function restamp(kept: Kept, stamp: number): op.Operation {
  const value = JSON.stringify({ ...kept.written, stamp });
  return { request_put: { key: base64(kept.key), value: base64(value), ignore_lease: true } };
}

/** Deletes the places of holders and writes down who did it and why, in one transaction. */
export async function revoke(work: Work, request: RevokeRequest): Promise<readonly Place[]> {
  const { resource, leaseId, reason, by } = request;
  const prefix = work.keys.placesOf(resource);
  const trail = work.keys.forcedOf(resource);
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const reply = await work.transact(op.txn([], [op.get(trail), op.getAll(prefix)]));
    const { capacity, standings } = queueOf(placesIn(work, reply));
    const revoked = standings.filter(
      ({ isGranted, kept }) => isGranted && (leaseId ?? kept.leaseId) === kept.leaseId,
    );
    if (revoked.length === 0) return [];
    const now = clockNow();
    const entry = { at: now, reason, by, tokens: revoked.map(({ kept }) => tokenOf(kept)) };
    const before = reply.responses?.[0]?.response_range?.kvs?.[0];
    const entries = [...trailIn(before), entry].slice(-REVOCATIONS_MAX);
    const lease = await work.leases.once(TRAIL_MS);
    const done = await work.transact(
      op.txn(
        [op.isAt(trail, Number(before?.mod_revision ?? 0)), ...revoked.map(({ kept }) => isThere(kept))],
        [op.put(trail, JSON.stringify(entries), lease), ...revoked.map(({ kept }) => removal(kept))],
      ),
    );
    if (done.succeeded !== true) continue;
    work.wrote(Number(done.header.revision));
    return revoked.map(({ kept }) => shown(kept, capacity ?? 1, true, mayEndAt(kept, true, now)));
  }
  throw tooFast("revoke");
}

export function trailIn(kv: op.KeyValue | undefined): readonly Revocation[] {
  return kv === undefined ? [] : (JSON.parse(fromBase64(kv.value ?? "")) as readonly Revocation[]);
}
