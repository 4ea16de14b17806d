/** A waiter that was served. Waiters are numbered in order of arrival. */
export interface Served {
  readonly waiter: number;
  readonly process: number;
  readonly at: number;
}

/** How many were served while somebody who had come earlier still waited. */
export function countOvertakings(served: readonly Served[]): number {
  const waiting = new Set(served.map(({ waiter }) => waiter).sort((a, b) => a - b));
  let overtakings = 0;
  for (const { waiter } of inOrderOfService(served)) {
    const [first] = waiting;
    if (first !== waiter) overtakings++;
    waiting.delete(waiter);
  }
  return overtakings;
}

/**
 * The same for a lock that a process may hand on among its own callers: order inside each process, and the
 * turns of the processes. A process that gives the lock away while its own callers still wait queues again,
 * behind the others; a turn that is taken by any but the first process of that queue is an inversion.
 */
export function countInversions(served: readonly Served[]): number {
  const order = inOrderOfService(served);
  let inversions = 0;
  const processes = new Set(
    [...served].sort((a, b) => a.waiter - b.waiter).map(({ process }) => process),
  );
  for (const process of processes) {
    inversions += countOvertakings(served.filter((one) => one.process === process));
  }
  const queue = [...processes];
  let current: number | undefined;
  for (const { process } of order) {
    if (process === current) continue;
    if (queue[0] !== process) inversions++;
    queue.splice(queue.indexOf(process), 1);
    queue.push(process);
    current = process;
  }
  return inversions;
}

function inOrderOfService(served: readonly Served[]): readonly Served[] {
  return [...served].sort((a, b) => a.at - b.at);
}
