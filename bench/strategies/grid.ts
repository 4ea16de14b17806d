import type { Load } from "./point.ts";

interface Axes {
  readonly writers: readonly number[];
  readonly records: readonly number[];
  readonly editMs: readonly number[];
  readonly processes: readonly number[];
}

const FULL: Axes = {
  writers: [1, 4, 16, 64, 256],
  records: [1, 8, 1024],
  editMs: [0, 1, 5],
  processes: [1, 4],
};

const QUICK: Axes = { writers: [1, 16, 64], records: [1, 1024], editMs: [0], processes: [1, 4] };

/** All workloads of the run. Each process has a writer at least. */
export function grid(quick: boolean): readonly Load[] {
  const { writers, records, editMs, processes } = quick ? QUICK : FULL;
  const loads: Load[] = [];
  for (const count of processes) {
    for (const edit of editMs) {
      for (const keys of records) {
        for (const each of writers) {
          if (each >= count) loads.push({ writers: each, records: keys, editMs: edit, processes: count });
        }
      }
    }
  }
  return loads;
}
