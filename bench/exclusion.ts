export interface Exclusion {
  /** Stays that began before an earlier one had ended. */
  readonly overlaps: number;
  /** How often the lock went from one process to another. */
  readonly processChanges: number;
}

/**
 * Judges logged stays (pairs of moments: entered, left) of several processes. "Left" is taken before the
 * release is asked for and "entered" after the grant is known, so that any overlap is a true one.
 */
export function judgeExclusion(logs: readonly Float64Array[]): Exclusion {
  const entered: number[] = [];
  const left: number[] = [];
  const owner: number[] = [];
  logs.forEach((stays, process) => {
    for (let i = 0; i < stays.length; i += 2) {
      entered.push(stays[i]!);
      left.push(stays[i + 1]!);
      owner.push(process);
    }
  });
  const order = Uint32Array.from(entered.keys()).sort((a, b) => entered[a]! - entered[b]!);
  let overlaps = 0;
  let processChanges = 0;
  let lastLeft = Number.NEGATIVE_INFINITY;
  let lastOwner = owner[order[0] ?? 0];
  for (const stay of order) {
    if (entered[stay]! < lastLeft) overlaps++;
    if (owner[stay] !== lastOwner) processChanges++;
    lastLeft = Math.max(lastLeft, left[stay]!);
    lastOwner = owner[stay];
  }
  return { overlaps, processChanges };
}
