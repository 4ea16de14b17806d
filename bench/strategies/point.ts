/** One point of the curves: a workload. */
export interface Load {
  /** Over all processes. */
  readonly writers: number;
  readonly records: number;
  /** How long the edit itself computes. */
  readonly editMs: number;
  readonly processes: number;
}

export interface Measured extends Load {
  readonly store: string;
  readonly contestant: string;
  readonly updatesPerSecond: number;
  /** How often an edit ran for each update. */
  readonly attempts: number;
  readonly p50: number;
  readonly p99: number;
  /** Acknowledged updates that are not in the records in the end. */
  readonly lost: number;
  readonly error?: string;
}

/** What one process counted. */
export interface Share {
  readonly latencies: Float64Array;
  readonly attempts: number;
  /** Also those of the warm-up. */
  readonly acknowledged: number;
}

export function describe({ writers, records, editMs, processes }: Load): string {
  const many = (count: number, one: string, more = `${one}s`): string =>
    `${count} ${count === 1 ? one : more}`;
  const crowd = `${many(writers, "writer")} in ${many(processes, "process", "processes")}`;
  return `${crowd}, ${many(records, "record")}, ${editMs} ms of edit`;
}

export const isSame = (a: Load, b: Load): boolean =>
  a.writers === b.writers && a.records === b.records && a.editMs === b.editMs && a.processes === b.processes;
