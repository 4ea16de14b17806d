import { BackendError } from "../../errors.ts";

/** The request certainly never left. */
export class NotSent extends Error {}

/** The server did not answer in time; it may yet do what it was asked for. */
export class NoAnswer extends Error {}

/**
 * Classes of SQLSTATE (PostgreSQL manual, appendix A) after which a transaction may have been
 * committed all the same: the connection broke, the server was shut down, or failed itself.
 * PgBouncer says 08P01 when it lost the server. After any other error the server has rolled the
 * transaction back.
 */
const UNSURE = /^(08|40003|57P0[125]|58|XX)/;

/**
 * Rolled back because of others; the same call may succeed now. Rows that are made twice (23505) are not
 * seen in time only where the default isolation is not `read committed`.
 */
const ROLLED_BACK = new Set(["40001", "40P01", "23505"]);

export function sqlState(cause: unknown): string | undefined {
  if (typeof cause !== "object" || cause === null || !("code" in cause)) return undefined;
  const { code } = cause;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

export const wasRolledBack = (cause: unknown): boolean => ROLLED_BACK.has(sqlState(cause) ?? "");

/** Whether the connection can be used again. */
export function isBroken(cause: unknown): boolean {
  const state = sqlState(cause);
  return state === undefined || /^(08|57P|58|XX)/.test(state);
}

export function asBackendError(operation: string, cause: unknown): BackendError {
  if (cause instanceof BackendError) return cause;
  const state = sqlState(cause);
  const isWithoutEffect = cause instanceof NotSent || (state !== undefined && !UNSURE.test(state));
  return new BackendError("postgres", operation, isWithoutEffect ? "not-applied" : "unknown", { cause });
}
