import type { Renewal, RenewRequest } from "../../backend.ts";
import { looking, placesIn } from "./entering.ts";
import type { Holding } from "./holdings.ts";
import type { KeptLease } from "./leases.ts";
import { tokenOf, type Kept } from "./place.ts";
import { strangersWaiting } from "./queue.ts";
import { clockNow } from "./timeline.ts";
import * as op from "./transaction.ts";
import type { Work } from "./work.ts";

interface Renewed {
  readonly holding: Holding;
  readonly ttlMs: number;
  readonly lease: KeptLease;
}

/**
 * Renews granted places. One that stays on its lease costs a reading, since the lease is kept alive for all;
 * one that was handed over, or wants another time, is attached to another lease.
 */
export async function claim(work: Work, requests: readonly RenewRequest[]): Promise<readonly Renewal[]> {
  const sentAt = clockNow();
  const renewed = await Promise.all(requests.map((request) => prepare(work, request)));
  const there = renewed.filter((each) => each !== undefined);
  const leases = new Set(there.map(({ lease }) => lease));
  // A beat was missed: the lease must last as long as is promised now.
  const late = [...leases].filter(({ keptAt, ttlMs: kept }) =>
    there.some(({ lease, ttlMs }) => lease.keptAt === keptAt && keptAt + kept < sentAt + ttlMs),
  );
  const [reply] = await Promise.all([
    there.length === 0
      ? undefined
      : work.transact(op.txn([], there.map((each) => op.nested(renewal(work, each))))),
    ...late.map((lease) => work.leases.keepAlive(lease)),
  ]);
  const revision = Number(reply?.header.revision ?? 0);
  const answers = new Map<Renewed, Renewal>();
  for (const [index, each] of there.entries()) {
    answers.set(each, answer(work, each, reply?.responses?.[index]?.response_txn, revision, sentAt));
  }
  return renewed.map((each) => (each === undefined ? undefined : answers.get(each)) ?? { kind: "gone" });
}

async function prepare(work: Work, { resource, leaseId, ttlMs }: RenewRequest): Promise<Renewed | undefined> {
  const holding = work.holdings.find(resource, leaseId);
  if (holding?.state === "waiting") {
    // It may have been granted, and the watch is yet to tell.
    const { answered, txn } = looking(work, holding);
    const reply = await work.transact(txn);
    await answered(reply, Number(reply.header.revision));
  }
  if (holding?.state !== "granted" || holding.endsAt <= clockNow()) return undefined;
  return { holding, ttlMs, lease: await work.leases.for(ttlMs) };
}

function keptBy(work: Work, { key, request }: Holding): Kept | undefined {
  return work.holdings.queue(request.resource).standings.find(({ kept }) => kept.key === key)?.kept;
}

function renewal(work: Work, { holding, lease, ttlMs }: Renewed): op.Txn {
  const { key, request } = holding;
  const kept = keptBy(work, holding);
  const read = op.getAll(work.keys.placesOf(request.resource));
  if (kept?.written === undefined) return op.txn([], [read]);
  if (kept.lease === lease.id) return op.txn([op.isFrom(key, kept.createRevision)], [read]);
  const written = { ...kept.written, ttlMs, at: clockNow(), token: tokenOf(kept) };
  const value = JSON.stringify({ ...written, since: kept.written.since ?? holding.grantedAt });
  return op.txn([op.isFrom(key, kept.createRevision)], [op.put(key, value, lease.id), read]);
}

function answer(
  work: Work,
  { holding, lease, ttlMs }: Renewed,
  reply: op.TxnReply | undefined,
  revision: number,
  sentAt: number,
): Renewal {
  const { leaseId, resource } = holding.request;
  if (reply?.succeeded !== true) {
    if (holding.state !== "ended") work.holdings.end(holding, "gone");
    return { kind: "gone" };
  }
  work.read(resource, revision, placesIn(work, reply));
  if (holding.state !== "granted") return { kind: "gone" };
  const expiresAt = Math.min(sentAt + ttlMs, work.leases.until(lease.id));
  work.holdings.prolong(holding, expiresAt);
  return { kind: "renewed", expiresAt, waiting: strangersWaiting(work.holdings.queue(resource), leaseId) };
}
