import type { Events } from "../events.ts";
import { Histogram } from "./histogram.ts";

export type Refusal = Events["lock.refused"]["outcome"];
export type Loss = Events["lock.lost"]["reason"];

/** What is known of the locks of one template. */
export class LockSeries {
  /** From the request to the grant. */
  readonly wait = new Histogram();
  /** Of those that waited and were not granted. */
  readonly inVain = new Histogram();
  /** From the grant to the release, or to the loss. */
  readonly hold = new Histogram();
  readonly refused: Record<Refusal, number> = { busy: 0, timeout: 0, aborted: 0, error: 0 };
  readonly lost: Record<Loss, number> = { expired: 0, revoked: 0, stolen: 0, closed: 0 };
  /** Grants that another caller of this process handed on. */
  localHandovers = 0;
  /** Grants that another process handed over, through the store. */
  remoteHandovers = 0;
  /** Times that a caller had to wait. */
  contentions = 0;
  renewals = 0;
  revoked = 0;
  /** Granted and not ended, since counting began. */
  held = 0;
}

/** What is known of the records of one collection. */
export class RecordSeries {
  readonly wait = new Histogram();
  readonly hold = new Histogram();
  updates = 0;
  /** How often an edit ran. */
  attempts = 0;
  /** Writes that committed updates: one for many that were combined. */
  commits = 0;
  /** Writes that were refused, because somebody else had written. */
  conflicts = 0;
  fenceRejections = 0;
}
