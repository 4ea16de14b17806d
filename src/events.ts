import { channel } from "node:diagnostics_channel";
import type { LossReason } from "./errors.ts";

/**
 * What Holdfast tells about itself, on `node:diagnostics_channel` under `holdfast:<name>`. A channel that
 * nobody listens to costs one comparison. Times in milliseconds.
 */
export interface Events {
  /**
   * A caller got its lease, `waitMs` after it asked. `local`: handed on inside the process. `queued`: handed
   * over by another process's release or end.
   */
  "lock.granted": LockEvent & {
    readonly token: bigint;
    readonly waitMs: number;
    readonly local: boolean;
    readonly queued: boolean;
  };
  /** A caller gave its lease back, `holdMs` after it got it. */
  "lock.released": LockEvent & { readonly token: bigint; readonly holdMs: number };
  /** A lease ended before its release. */
  "lock.lost": LockEvent & { readonly token: bigint; readonly holdMs: number; readonly reason: LossReason };
  /** A caller asked and did not get it: it was busy, time ran out, it was aborted, or the store failed. */
  "lock.refused": LockEvent & {
    readonly waitMs: number;
    readonly outcome: "busy" | "timeout" | "aborted" | "error";
  };
  /** A caller has to wait. */
  "lock.waiting": LockEvent & { readonly local: boolean };
  /** The store prolonged a lease. */
  "lease.renewed": LockEvent;
  /** An operator ended leases by force. */
  "lock.revoked": LockEvent & { readonly reason: string; readonly tokens: readonly bigint[] };
  /** An update was committed, together with `combined` − 1 others. Its edit ran `attempts` times. */
  "record.updated": {
    readonly backend: string;
    readonly collection: string;
    readonly key: string;
    readonly strategy: string;
    readonly attempts: number;
    readonly waitMs: number;
    readonly holdMs: number;
    readonly combined: number;
  };
  /** A conditional write met another revision. */
  "write.conflict": { readonly backend: string; readonly collection: string; readonly key: string };
  /** A fenced write was refused. */
  "write.stale": {
    readonly backend: string;
    readonly collection: string;
    readonly key: string;
    readonly resource: string;
    readonly token: bigint;
  };
  /** A write wanted a unique value that the record `owner` has. */
  "write.taken": {
    readonly backend: string;
    readonly collection: string;
    readonly key: string;
    readonly field: string;
    readonly owner: string;
  };
  /** A call to the store failed, or nobody answered it in time. Who waits for it is told separately. */
  "backend.failed": { readonly backend: string; readonly operation: string; readonly error: unknown };
}

export interface LockEvent {
  readonly backend: string;
  readonly resource: string;
}

export type EventName = keyof Events;

const NAMES = [
  "lock.granted",
  "lock.released",
  "lock.lost",
  "lock.refused",
  "lock.waiting",
  "lock.revoked",
  "lease.renewed",
  "record.updated",
  "write.conflict",
  "write.stale",
  "write.taken",
  "backend.failed",
] as const satisfies readonly EventName[];

const channels = new Map(NAMES.map((name) => [name, channel(`holdfast:${name}`)]));

/** Publishes an event if anybody listens; `payload` is only made then. */
export function emit<Name extends EventName>(name: Name, payload: () => Events[Name]): void {
  const to = channels.get(name);
  if (to?.hasSubscribers) to.publish(payload());
}

/** Calls `listener` for each event of that name in this process. Returns the way to stop. */
export function on<Name extends EventName>(name: Name, listener: (event: Events[Name]) => void): () => void {
  const handle = (message: unknown): void => listener(message as Events[Name]);
  const to = channel(`holdfast:${name}`);
  to.subscribe(handle);
  return () => void to.unsubscribe(handle);
}
