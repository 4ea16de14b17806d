/** A lease as its holder saw it, on one clock. */
export interface Hold {
  readonly who: string;
  readonly from: number;
  /** Not included. */
  readonly to: number;
  /** Default 1. */
  readonly permits?: number;
}

export interface Overlap {
  readonly at: number;
  readonly permits: number;
  readonly holders: readonly string[];
}

/**
 * Moments at which more permits were held than the capacity (default 1: mutual exclusion). Empty: never. A
 * hold that ends when the next one starts does not overlap it.
 */
export function overlaps(holds: readonly Hold[], capacity = 1): readonly Overlap[] {
  const found: Overlap[] = [];
  let current: Hold[] = [];
  for (const hold of holds.filter(({ from, to }) => from < to).sort((a, b) => a.from - b.from)) {
    current = current.filter(({ to }) => to > hold.from);
    current.push(hold);
    const permits = current.reduce((sum, each) => sum + (each.permits ?? 1), 0);
    if (permits > capacity) {
      found.push({ at: hold.from, permits, holders: current.map(({ who }) => who) });
    }
  }
  return found;
}

/** A request that was granted, on one clock. */
export interface Wait {
  readonly who: string;
  readonly asked: number;
  readonly granted: number;
}

/**
 * Requests that were granted after one that asked later: first-come-first-served is broken. `slack`: how much
 * later that one must have asked, since the order in which two requests reach the store is not the order in
 * which they were sent.
 */
export function overtaken(waits: readonly Wait[], slack = 0): readonly { who: string; by: string }[] {
  const lastFirst = [...waits].sort((a, b) => b.asked - a.asked);
  const found: { who: string; by: string }[] = [];
  const later = lastFirst.values();
  let candidate = later.next();
  /** Of those that asked later than the one looked at: the one granted first. */
  let winner: Wait | undefined;
  for (const wait of lastFirst) {
    while (!candidate.done && candidate.value.asked > wait.asked + slack) {
      if (winner === undefined || candidate.value.granted < winner.granted) winner = candidate.value;
      candidate = later.next();
    }
    if (winner !== undefined && winner.granted < wait.granted) {
      found.push({ who: wait.who, by: winner.who });
    }
  }
  return found.reverse();
}

export interface NotOnce {
  readonly missing: readonly string[];
  readonly repeated: readonly string[];
  /** Happened, but nobody asked for it. */
  readonly extra: readonly string[];
}

/** Effects that should have happened exactly once each, and did not. All empty: exactly once. */
export function notOnce(expected: readonly string[], effects: readonly string[]): NotOnce {
  const counts = new Map<string, number>();
  for (const effect of effects) counts.set(effect, (counts.get(effect) ?? 0) + 1);
  const wanted = new Set(expected);
  return {
    missing: [...wanted].filter((effect) => !counts.has(effect)),
    repeated: [...counts].filter(([, count]) => count > 1).map(([effect]) => effect),
    extra: [...counts.keys()].filter((effect) => !wanted.has(effect)),
  };
}

/** An acknowledged read-modify-write: which version it was made from, and which version it made. */
export interface Update {
  readonly who: string;
  readonly from: string;
  readonly to: string;
}

/**
 * Follows acknowledged updates from the first version to the last. Empty when they form one chain: no two
 * were made from the same version, and the last version is the chain's end. Otherwise, in words, what was
 * lost.
 */
export function lostUpdates(
  initial: string,
  updates: readonly Update[],
  final: string,
): readonly string[] {
  const lost: string[] = [];
  const after = new Map<string, Update>();
  for (const update of updates) {
    const other = after.get(update.from);
    if (other === undefined) after.set(update.from, update);
    else lost.push(`${other.who} and ${update.who} both changed version ${update.from}`);
  }
  let version = initial;
  let steps = 0;
  for (let next = after.get(version); next !== undefined; next = after.get(version)) {
    version = next.to;
    if ((steps += 1) > updates.length) return [...lost, `version ${version} comes again`];
  }
  if (version !== final) lost.push(`the updates end at version ${version}, the store at ${final}`);
  if (steps < after.size) lost.push(`${after.size - steps} updates are not in the chain`);
  return lost;
}
