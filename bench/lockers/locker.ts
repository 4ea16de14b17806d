import type { Addresses } from "../servers.ts";

/** What every contestant is reduced to: take a lock and give it back. */
export interface Locker {
  /** Waits as long as it takes. */
  lock(name: string): Promise<Unlock>;
}

export type Unlock = () => Promise<unknown> | void;

export interface Opening extends Addresses {
  readonly directory: string;
  readonly ttlMs: number;
  /** Which of the cell's processes this is. */
  readonly index: number;
  /** As in the table of contestants. */
  readonly variant: string;
}

/** Every module in this folder whose contestant takes part exports this as `open`. */
export type Open = (opening: Opening) => Promise<Locker>;

/**
 * Peers poll; this is as tight as a Node timer goes. At their defaults they poll every 10 to 250 ms.
 * The number of attempts is unbounded in both variants, since a caller that gives up would drop out of the
 * figures just when it starves; the cell's own end bounds it.
 */
export const TIGHT_POLL_MS = 1;

export const HOST = "127.0.0.1";
