import { userInfo } from "node:os";
import type { Owner } from "../index.ts";

/** A process for people: what it calls itself, if anything, and where it runs. */
export function ownerText({ host, label, pid }: Owner): string {
  return label === undefined ? `${host}:${pid}` : `${label} (${host}:${pid})`;
}

/** Who sits at the keyboard: goes into the audit trail of what an operator does by force. */
export function operator(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? "unknown"}`; // A container may run as nobody in particular.
  }
}
