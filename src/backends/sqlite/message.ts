import type { Grant, Listener, RevokeReason } from "../../backend.ts";

/**
 * A call of a {@link Listener} as data, on its way to another coordinator, here or in another
 * process.
 */
export type Message =
  | {
      readonly kind: "granted";
      readonly resource: string;
      readonly leaseId: string;
      readonly grant: Grant;
    }
  | {
      readonly kind: "revoked";
      readonly resource: string;
      readonly leaseId: string;
      readonly reason: RevokeReason;
    }
  | { readonly kind: "contended"; readonly resource: string }
  | { readonly kind: "look"; readonly resource: string; readonly at: number };

/**
 * What is put into a mailbox: also that the write lock is free, and the reader the next to take it.
 */
export type Mail = Message | { readonly kind: "turn" };

/** A message and the process id it is for. */
export interface Letter {
  readonly to: string;
  readonly message: Message;
}

export function deliver(listener: Listener, message: Message): void {
  switch (message.kind) {
    case "granted":
      return listener.granted(message.resource, message.leaseId, message.grant);
    case "revoked":
      return listener.revoked(message.resource, message.leaseId, message.reason);
    case "contended":
      return listener.contended(message.resource);
    case "look":
      return listener.look(message.resource, message.at);
  }
}
