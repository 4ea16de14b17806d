/** What a caller wants of a resource, checked and with all defaults filled in. */
export interface Demand {
  readonly permits: number;
  readonly capacity: number;
  readonly ttlMs: number;
  /** Infinity: as long as it takes. */
  readonly waitMs: number;
  /** False: answer null at once when it is not free. */
  readonly wait: boolean;
  /** Every caller stands in the store's own queue; nothing is passed on inside the process. */
  readonly strict: boolean;
  readonly steal: boolean;
  readonly signal: AbortSignal | undefined;
  /** Stands at the end of the lease id, for onlookers: letters, digits, `-` and `_`. */
  readonly tag?: string;
}
