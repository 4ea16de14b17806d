import type { RecordHead } from "holdfast";
import type { Customer } from "./customers.ts";

/** What the rules refuse, by the decision that the caller can take next. */
export type RefusalKind =
  | "invalid"
  | "wrong-credentials"
  | "not-signed-in"
  | "session-displaced"
  | "session-ended"
  | "session-expired"
  | "session-exists"
  | "forbidden"
  | "not-found"
  | "email-taken"
  | "stale-revision"
  | "idempotency-key-reused"
  | "still-running"
  | "busy";

/** A field of what was sent, and what is wrong with it. */
export interface FieldError {
  /** Dotted path, for instance `lines.0.quantity`; empty: the whole. */
  readonly field: string;
  readonly message: string;
}

/** A rule said no: expected, harmless, and nothing was changed. The message may be shown to the user. */
export class Refusal extends Error {
  override readonly name: string = "Refusal";

  constructor(
    readonly kind: RefusalKind,
    message: string,
    readonly fields: readonly FieldError[] = [],
  ) {
    super(message);
  }
}

/**
 * Somebody else changed the record first; `current` is what it is now, so that no second look is needed.
 */
export class StaleRevision extends Refusal {
  override readonly name = "StaleRevision";

  constructor(readonly current: RecordHead<Customer>) {
    super("stale-revision", "somebody else has changed this record since you read it");
  }
}

export const notFound = (what: string): Refusal => new Refusal("not-found", `there is no such ${what}`);
