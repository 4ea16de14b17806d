import { childOf, type Child } from "./names.ts";

/**
 * The children of a resource's node in order of arrival. Sequence numbers are 32 bits with a sign and wrap
 * round: what counts is how far apart two are.
 */
export function queueOf(names: readonly string[]): readonly Child[] {
  const children = names.map(childOf).filter((child) => child !== null);
  const [any] = children;
  if (any === undefined || children.length === 1) return children;
  const distance = ({ sequence }: Child): number => (sequence - any.sequence) | 0;
  return children.sort((a, b) => distance(a) - distance(b));
}

/** Capacity of the oldest that tells one; null: nobody does. */
export function capacityOf(queue: readonly Child[]): number | null {
  return queue.find(({ capacity }) => capacity !== null)?.capacity ?? null;
}

/**
 * The one rule: how many from the front hold, since the permits up to them fit. Each by its own capacity, so
 * that one who came with another, and is about to leave, lets nobody in.
 */
export function holding(queue: readonly Child[]): number {
  let permits = 0;
  for (const [at, child] of queue.entries()) {
    permits += child.permits;
    if (at > 0 && permits > (child.capacity ?? 0)) return at;
  }
  return queue.length;
}

/**
 * The one place ahead that must leave before the place `at` can hold: the nearest that does not fit beside
 * it. Undefined: any of several may do, as with a semaphore.
 */
export function blockerOf(queue: readonly Child[], at: number): Child | undefined {
  const { permits, capacity } = queue[at]!;
  return queue.slice(0, at).findLast((ahead) => ahead.permits + permits > (capacity ?? 0));
}

/** How many of other processes wait behind the place `at`. */
export function strangersBehind(queue: readonly Child[], at: number, held = holding(queue)): number {
  const { process } = queue[at]!;
  let count = 0;
  for (let behind = Math.max(at + 1, held); behind < queue.length; behind++) {
    if (queue[behind]!.process !== process) count += 1;
  }
  return count;
}
