import { BackendError } from "../../errors.ts";

/** A command was certainly not sent: its client was not connected. */
export class NotSent extends Error {}

/**
 * Replies that refuse a script before it changed anything. Redis looks for these states before a script's
 * first write only, and all of ours write last what others are told of.
 */
const REFUSALS =
  /^-?(LOADING|READONLY|OOM|MISCONF|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|CROSSSLOT|BUSY|NOSCRIPT|NOAUTH|WRONGPASS)\b/;

/** Of both clients, while a connection is being made: what waited for it was never sent. */
const CONNECTING = new Set(["connect", "getaddrinfo"]);

/** Clients say so when they did not even try. */
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
  return cause instanceof Error && /^-?NOSCRIPT\b/.test(cause.message);
}

function isCertainlyWithoutEffect(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  if (cause instanceof NotSent || UNSENT.has(cause.message) || REFUSALS.test(cause.message)) return true;
  if ("syscall" in cause && CONNECTING.has(String(cause.syscall))) return true;
  // Any other error reply that does not come from within a script was given before the script began.
  return isReply(cause) && !/\bscript\b/.test(cause.message);
}

/** `ReplyError` is ioredis's name for it; node-redis's errors of this kind begin with an upper-case code. */
function isReply(cause: Error): boolean {
  return cause.name === "ReplyError" || /^[A-Z]{3,} /.test(cause.message);
}
