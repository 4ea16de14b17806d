import type { FencedBy } from "./fence.ts";

export interface WriteOptions {
  /**
   * Write only if the record is at this revision; null: only if it does not exist. Without it, whatever is
   * there is overwritten.
   */
  readonly ifRevision?: string | null;
  /** Write only while no later holder of this lease's lock exists, checked in the same step as the write. */
  readonly fence?: FencedBy;
  /** Who writes, and why; kept in the history. 1 … 1,024 bytes each. */
  readonly author?: string;
  readonly reason?: string;
  /**
   * Names this write once and for all: asked for again with the same one, it has no second effect and is
   * answered as the first time, as long as the record's history remembers it.
   */
  readonly opId?: string;
  /**
   * What is to be sent because of this write: JSON values, which are kept with the version if and only if the
   * write takes effect, for whoever reads `changes`.
   */
  readonly messages?: readonly unknown[];
}

export interface DeleteOptions extends WriteOptions {}

export interface HistoryOptions {
  /** Versions older than this revision; default: from the head on. */
  readonly after?: string;
  /** 1 … 10,000; default 100. */
  readonly limit?: number;
}
