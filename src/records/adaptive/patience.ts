/** When a process stops trying without the record's lock. */
export interface Patience {
  /** After so many refusals in a row. */
  readonly refusals: number;
  /** When the edits of one write took longer than this; also where a write ends and the next one begins. */
  readonly batchMs: number;
}
