import { BackendError } from "../../errors.ts";

/** A command was certainly not sent: its client was not connected. */
export class NotSent extends Error {}

/**
 * Codes of replies that refuse a script before it changed anything: Redis looks for these states
 * before a script's first write only.
 */
const REFUSALS = new Set([
  ...["LOADING", "READONLY", "OOM", "MISCONF", "NOREPLICAS", "MASTERDOWN", "BUSY", "NOSCRIPT"],
  ...["CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK", "CROSSSLOT", "NOAUTH", "WRONGPASS"],
]);

/** Of both clients, while a connection is being made: what waited for it was never sent. */
const CONNECTING = new Set(["connect", "getaddrinfo"]);

/** What clients say when they did not even try. */
const UNSENT = new Set([
  "Stream isn't writeable and enableOfflineQueue options is false",
  "Cluster isn't ready and enableOfflineQueue options is false",
  "None of startup nodes is available",
  "The client is closed",
  "The client is offline",
]);

export function asBackendError(operation: string, cause: unknown): BackendError {
  if (cause instanceof BackendError) return cause;
  const outcome = isCertainlyWithoutEffect(cause) ? "not-applied" : "unknown";
  return new BackendError("redis", operation, outcome, { cause });
}

export function isMissingScript(cause: unknown): boolean {
  return cause instanceof Error && codeOf(cause) === "NOSCRIPT";
}

function isCertainlyWithoutEffect(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  if (cause instanceof NotSent || UNSENT.has(cause.message)) return true;
  if ("syscall" in cause && CONNECTING.has(String(cause.syscall))) return true;
  const code = codeOf(cause);
  // Any other error reply that does not come from within a script was given before it began.
  return REFUSALS.has(code) || (code !== "" && !/\bscript\b/.test(cause.message));
}

/** Error replies begin with an upper-case code, other errors of clients do not. */
const codeOf = (cause: Error): string => /^-?([A-Z]{3,}) /.exec(cause.message)?.[1] ?? "";
