import type { Inspection, Page } from "../../backend.ts";
import { trailIn } from "./forcing.ts";
import { fromBase64 } from "./names.ts";
import { keptOf, mayEndAt, shown, type Kept } from "./place.ts";
import { queueOf } from "./queue.ts";
import { clockNow } from "./timeline.ts";
import * as op from "./transaction.ts";
import type { Work } from "./work.ts";

export async function inspect(work: Work, resource: string): Promise<Inspection> {
  const { keys } = work;
  const reply = await work.transact(
    op.txn([], [op.get(keys.forcedOf(resource)), op.getAll(keys.placesOf(resource))]),
  );
  const [trail, places] = reply.responses ?? [];
  const kept = (places?.response_range?.kvs ?? []).flatMap((kv) => keptOf(keys, kv)?.kept ?? []);
  return inspection(work, resource, kept, trail?.response_range?.kvs?.[0]);
}

/** Reads the whole namespace, since the order of keys is not that of names. */
export async function list(work: Work, { after, limit, prefix = "" }: Page): Promise<readonly Inspection[]> {
  const { keys } = work;
  const reply = await work.transact(op.txn([], [op.getAll(keys.all)]));
  const places = new Map<string, Kept[]>();
  const trails = new Map<string, op.KeyValue>();
  for (const kv of reply.responses?.[0]?.response_range?.kvs ?? []) {
    const parsed = keys.parse(fromBase64(kv.key));
    if (parsed === undefined || !parsed.resource.startsWith(prefix)) continue;
    if (parsed.kind === "forced") trails.set(parsed.resource, kv);
    const kept = keptOf(keys, kv)?.kept;
    if (kept !== undefined) places.set(parsed.resource, [...(places.get(parsed.resource) ?? []), kept]);
  }
  return [...places.keys()]
    .filter((name) => after === undefined || Buffer.compare(Buffer.from(name), Buffer.from(after)) > 0)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((name) => inspection(work, name, places.get(name) ?? [], trails.get(name)))
    .filter((each) => each.places.length > 0)
    .slice(0, limit);
}

function inspection(
  work: Work,
  resource: string,
  places: readonly Kept[],
  trail: op.KeyValue | undefined,
): Inspection {
  const now = clockNow();
  const { capacity, standings } = queueOf(places.filter((kept) => !hasEnded(work, resource, kept, now)));
  return {
    resource,
    now,
    capacity,
    places: standings.map(({ isGranted, kept }) => {
      const own = work.holdings.find(resource, kept.leaseId);
      return shown(kept, capacity ?? 1, isGranted, own?.endsAt ?? mayEndAt(kept, isGranted, now));
    }),
    revocations: trailIn(trail),
  };
}

/** Places of this very process, whose own time is up, though their keys are still on the way out. */
function hasEnded({ holdings }: Work, resource: string, { leaseId }: Kept, now: number): boolean {
  const own = holdings.find(resource, leaseId);
  return own === undefined ? holdings.howEnded(resource, leaseId) !== undefined : own.endsAt <= now;
}
