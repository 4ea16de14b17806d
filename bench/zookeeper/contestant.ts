/** One process of a contestant. Times in ms; moments in microseconds since 1970, alike for all processes. */
export interface ContestantProcess {
  /** Median of acquire and release without contention. */
  pairs(path: string, times: number): Promise<number>;
  /** Median of what both consist of at least: making an ephemeral sequential node, and deleting it. */
  rawPairs(path: string, times: number): Promise<number>;
  /** Pairs per second over so many locks at once. */
  keys(path: string, count: number, ms: number): Promise<number>;
  contend(path: string, callers: number, startAt: number, ms: number): Promise<Contention>;
  /** Waits for the lock; the moment of its grant. */
  hold(path: string): Promise<number>;
  /** The moment before the release. */
  release(): Promise<number>;
  end(): Promise<void>;
}

export interface Contention {
  /** How often each caller was served. */
  readonly shares: readonly number[];
  /** When. */
  readonly moments: readonly number[];
}

export interface Contestant {
  readonly name: string;
  start(servers: string, launcher: readonly string[]): Promise<ContestantProcess>;
}
