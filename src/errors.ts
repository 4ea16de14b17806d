/** Machine-readable name of a decision that the caller can take. */
export type HoldfastErrorCode =
  | "LOCK_TIMEOUT"
  | "LEASE_LOST"
  | "STALE_TOKEN"
  | "CONFLICT"
  | "UNIQUE"
  | "INVALID_VALUE"
  | "BACKEND"
  | "CLOSED";

const CODE = Symbol.for("holdfast.error");

/**
 * Root of all errors that a correct program may meet. `instanceof` also works across two copies of the
 * package, because it asks for a brand and not for identity.
 */
export abstract class HoldfastError extends Error {
  abstract readonly code: HoldfastErrorCode;
  /** The code that instances of this very class carry; undefined on the root. */
  protected static readonly of: HoldfastErrorCode | undefined = undefined;

  get [CODE](): HoldfastErrorCode {
    return this.code;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== "object" || value === null || !(CODE in value)) return false;
    return this.of === undefined || value[CODE] === this.of;
  }
}

/**
 * The lock was not granted within `waitMs`. Contention, not a fault: back off, or tell the user. Nothing is
 * held, and the place in the queue is given up.
 */
export class LockTimeoutError extends HoldfastError {
  override readonly name = "LockTimeoutError";
  readonly code = "LOCK_TIMEOUT" as const;
  protected static override readonly of = "LOCK_TIMEOUT" as const;

  constructor(
    readonly resource: string,
    readonly waitMs: number,
    /** How many places were ahead when last heard of. */
    readonly ahead: number,
  ) {
    super(`"${resource}" was not granted within ${waitMs} ms (${ahead} ahead)`);
  }
}

/** Why a lease ended before its release. */
export type LossReason = "expired" | "revoked" | "stolen" | "closed";

/**
 * Exclusivity lapsed, or may have. Treat the work since the last fenced write as not exclusive. The reason of
 * `lease.lost`; thrown by `withLock`, by `release()` and by disposal of a lease lost before.
 */
export class LeaseLostError extends HoldfastError {
  override readonly name = "LeaseLostError";
  readonly code = "LEASE_LOST" as const;
  protected static override readonly of = "LEASE_LOST" as const;

  constructor(
    readonly resource: string,
    readonly token: bigint,
    readonly reason: LossReason,
    options?: ErrorOptions,
  ) {
    super(`the lease on "${resource}" (token ${token}) was lost: ${reason}`, options);
  }
}

/** A fenced write was refused because a later holder exists. Stop: somebody else holds the lock now. */
export class StaleTokenError extends HoldfastError {
  override readonly name = "StaleTokenError";
  readonly code = "STALE_TOKEN" as const;
  protected static override readonly of = "STALE_TOKEN" as const;

  constructor(
    /** The record that was to be written. */
    readonly key: string,
    /** The lock whose token was stale. */
    readonly resource: string,
    readonly token: bigint,
  ) {
    super(`write to "${key}" refused: token ${token} of "${resource}" is stale, there is a later holder`);
  }
}

/** A place in a record that both sides changed, each in its own way. Undefined: nothing stood there. */
export interface FieldConflict {
  /**
   * JSON Pointers (RFC 6901) to what is in conflict: one, or all fields of a group, whose values are then
   * objects of those fields. An item of a list with an id is named by its id, not its place.
   */
  readonly fields: readonly string[];
  readonly base: unknown;
  readonly mine: unknown;
  readonly theirs: unknown;
}

/**
 * The record is not at the revision that the write expected. `theirs` is what it is at now (null: it does not
 * exist), so that a retry needs no read.
 */
export class ConflictError<T = unknown> extends HoldfastError {
  override readonly name = "ConflictError";
  readonly code = "CONFLICT" as const;
  protected static override readonly of = "CONFLICT" as const;

  constructor(
    readonly key: string,
    /** The revision that was expected; null: that the record does not exist. */
    readonly base: string | null,
    /** What was to be written; null: a deletion. */
    readonly mine: T | null,
    readonly theirs: {
      readonly key: string;
      readonly value: T;
      readonly revision: string;
      readonly updatedAt: number;
      readonly author: string | null;
    } | null,
    /** Top-level fields in which mine and theirs differ; after a merge, those that could not be merged. */
    readonly fields: readonly string[],
    /** What a merge could not unite; empty if none was tried. */
    readonly conflicts: readonly FieldConflict[] = [],
  ) {
    super(
      theirs === null
        ? `"${key}" does not exist, but revision ${String(base)} was expected`
        : `"${key}" is at revision ${theirs.revision}, not ${base === null ? "absent" : base}`,
    );
  }
}

/**
 * Another record of the collection has this value in a field that is declared unique. Trying again is of no
 * use: ask for another value, or go on with the record that has it.
 */
export class UniqueError extends HoldfastError {
  override readonly name = "UniqueError";
  readonly code = "UNIQUE" as const;
  protected static override readonly of = "UNIQUE" as const;

  constructor(
    /** The record that was to be written. */
    readonly key: string,
    /** The field as declared, for instance `email`. */
    readonly field: string,
    /** Key of the record that has the value. */
    readonly owner: string,
  ) {
    super(`"${key}" was not written: "${owner}" has the same ${field}, which is declared unique`);
  }
}

/** What is wrong with a value. */
export interface Fault {
  /** JSON Pointer (RFC 6901) to the place in the value; empty: the whole. */
  readonly path: string;
  readonly message: string;
}

/**
 * The schema of the collection refused the value; nothing was written. Show the faults to whoever made it.
 */
export class InvalidValueError extends HoldfastError {
  override readonly name = "InvalidValueError";
  readonly code = "INVALID_VALUE" as const;
  protected static override readonly of = "INVALID_VALUE" as const;

  constructor(
    /** The record that was to be written. */
    readonly key: string,
    readonly faults: readonly Fault[],
  ) {
    const told = faults
      .slice(0, 3)
      .map(({ path, message }) => `${path === "" ? "the value" : path}: ${message}`);
    super(`"${key}" was not written: ${told.join("; ")}${faults.length > 3 ? "; …" : ""}`);
  }
}

/**
 * I/O with the store failed. `not-applied`: certainly without effect, safe to try again. `unknown`: it may or
 * may not have taken effect; Holdfast settles or frees what it asked for itself, reports a caller's write.
 */
export class BackendError extends HoldfastError {
  override readonly name = "BackendError";
  readonly code = "BACKEND" as const;
  protected static override readonly of = "BACKEND" as const;
  /** What went wrong, in the words of the store or its client. */
  readonly detail: string;
  /**
   * Of a write whose outcome is unknown: the same write with this `opId` settles it, without a second effect.
   */
  readonly opId: string | undefined;

  constructor(
    readonly backend: string,
    readonly operation: string,
    readonly outcome: "not-applied" | "unknown",
    options?: ErrorOptions & { readonly detail?: string; readonly opId?: string },
  ) {
    const detail = options?.detail ?? causeText(options?.cause);
    super(
      `${backend}: ${operation} failed${detail === "" ? "" : `: ${detail}`} (${
        outcome === "unknown" ? "it may or may not have taken effect" : "it took no effect"
      })`,
      options,
    );
    this.detail = detail;
    this.opId = options?.opId;
  }
}

function causeText(cause: unknown): string {
  return cause instanceof Error ? cause.message : cause === undefined ? "" : String(cause);
}

/** Used after `close()`, or closed while waiting. */
export class ClosedError extends HoldfastError {
  override readonly name = "ClosedError";
  readonly code = "CLOSED" as const;
  protected static override readonly of = "CLOSED" as const;

  constructor(what = "this coordinator") {
    super(`${what} is closed`);
  }
}
