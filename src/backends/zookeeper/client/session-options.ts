import type { Clock } from "../../../clock.ts";
import type { Address, Tls } from "./connection.ts";

/**
 * - `connecting`: there is no session yet;
 * - `connected`;
 * - `uncertain`: no connection; the session may live on in the servers, its time is running;
 * - `expired`: the servers ended it, with all its ephemeral nodes and watches. A new one is being made;
 * - `closed`: for good.
 */
export type SessionState = "connecting" | "connected" | "uncertain" | "expired" | "closed";

export interface SessionOptions {
  readonly servers: readonly Address[];
  /** Asked for; servers bound it, by default to 2 … 20 of their ticks. */
  readonly timeoutMs: number;
  readonly tls?: Tls;
  /** `user:password`, sent as `digest`. */
  readonly digest?: string;
  readonly clock: Clock;
  readonly onState?: (state: SessionState) => void;
}
