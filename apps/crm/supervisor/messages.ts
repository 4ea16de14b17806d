import type { FirstAdmin, FirstAdminOutcome } from "../domain/first-admin.ts";

/** From the supervisor to a node, once: what to serve. */
export interface Assignment {
  /** 1 is the first. */
  readonly number: number;
  readonly url: string;
  /** Where the locks are, if not beside the records. */
  readonly locks: string | null;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Only for the node that looks after the first account. */
  readonly admin: FirstAdmin | null;
}

/** From a node to the supervisor, once: whether it serves. */
export type NodeReport =
  | { readonly kind: "serving"; readonly port: number; readonly admin: FirstAdminOutcome | null }
  | { readonly kind: "failed"; readonly code: string | null; readonly message: string };
