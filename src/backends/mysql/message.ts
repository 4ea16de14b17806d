import type { Listener } from "../../backend.ts";

/**
 * A piece of mail: a letter for its kind, numbers, maybe the lease id's length in bytes and the
 * lease id, and the resource.
 */
export function deliver(listener: Listener, body: Buffer): void {
  let at = 2;
  const word = (): number => {
    const start = at;
    at = body.indexOf(" ", start) + 1;
    return Number(body.toString("latin1", start, at - 1));
  };
  const leaseId = (): string => {
    const length = word();
    at += length;
    return body.toString("utf8", at - length, at);
  };
  const resource = (): string => body.toString("utf8", at);
  switch (body.toString("latin1", 0, 1)) {
    case "g": {
      const grant = { token: word(), expiresAt: word(), waiting: word() };
      const id = leaseId();
      return listener.granted(resource(), id, grant);
    }
    case "r":
    case "s": {
      const reason = body[0] === "s".charCodeAt(0) ? "stolen" : "revoked";
      const id = leaseId();
      return listener.revoked(resource(), id, reason);
    }
    case "c":
      return listener.contended(resource());
    case "l": {
      const when = word();
      return listener.look(resource(), when);
    }
    default:
      // From a later version: see for oneself.
      return listener.look();
  }
}
