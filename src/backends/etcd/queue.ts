import type { Kept } from "./place.ts";

/** A place and how it stands: the one rule, computed from the places alone, so that nobody writes it. */
export interface Standing {
  readonly kept: Kept;
  readonly isGranted: boolean;
  /** Places in front of it. */
  readonly ahead: number;
}

export interface Queue {
  /** Of the oldest place; null: nobody holds or waits. */
  readonly capacity: number | null;
  readonly standings: readonly Standing[];
}

export function queueOf(places: Iterable<Kept>): Queue {
  const inOrder = [...places].sort(
    (a, b) =>
      Number(b.written?.front ?? false) - Number(a.written?.front ?? false) ||
      a.createRevision - b.createRevision ||
      (a.key < b.key ? -1 : 1),
  );
  if (inOrder.length === 0) return { capacity: null, standings: [] };
  const capacity = inOrder.find(({ written }) => written !== undefined)?.written?.capacity ?? 1;
  let taken = 0;
  const standings = inOrder.map((kept, ahead): Standing => {
    taken += kept.written?.permits ?? capacity;
    return { kept, isGranted: taken <= capacity, ahead };
  });
  return { capacity, standings };
}

export const processOf = (leaseId: string): string => leaseId.slice(0, leaseId.indexOf(":"));

/** Whether so many permits would be granted behind all that are there. */
export function fits({ capacity, standings }: Queue, permits: number): boolean {
  const taken = standings.reduce((sum, { kept }) => sum + (kept.written?.permits ?? capacity ?? 1), 0);
  return taken + permits <= (capacity ?? Infinity);
}

/** How many places of other processes than this one's wait. */
export function strangersWaiting({ standings }: Queue, leaseId: string): number {
  const own = processOf(leaseId);
  return standings.filter(({ isGranted, kept }) => !isGranted && processOf(kept.leaseId) !== own).length;
}
