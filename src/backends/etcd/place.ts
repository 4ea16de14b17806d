import type { Owner, Place } from "../../backend.ts";
import { fromBase64, type Keyspace } from "./names.ts";
import type { KeyValue } from "./transaction.ts";

/** Tokens are revisions times this, so that places which a theft has left waiting find room in between. */
const TOKENS_PER_REVISION = 1_024;

/** What a place's key has for a value, as JSON. Times by the clock of the process that wrote them. */
export interface Written {
  readonly leaseId: string;
  readonly owner: Owner;
  readonly permits: number;
  readonly capacity: number;
  readonly ttlMs: number;
  readonly patienceMs: number;
  /** When it was asked for. */
  readonly at: number;
  /** When it was granted, once it has been claimed. */
  readonly since?: number;
  /** Stolen: ahead of all that wait. */
  readonly front?: true;
  /** Waited while somebody stole: its token is made from that revision and this number. */
  readonly stamp?: number;
  /** Its token, where it can no longer be made from revisions. */
  readonly token?: number;
}

/** A place as etcd has it. */
export interface Kept {
  readonly key: string;
  readonly leaseId: string;
  /** Undefined: of another program, such as `etcdctl lock`. It takes all permits. */
  readonly written: Written | undefined;
  readonly createRevision: number;
  readonly modRevision: number;
  /** Of etcd, to which it is attached. */
  readonly lease: string;
}

export function keptOf(
  keys: Keyspace,
  kv: KeyValue,
): { readonly resource: string; readonly kept: Kept } | undefined {
  const key = fromBase64(kv.key);
  const parsed = keys.parse(key);
  if (parsed?.kind !== "place") return undefined;
  const written = writtenIn(fromBase64(kv.value ?? ""));
  const kept = {
    key,
    leaseId: written?.leaseId ?? parsed.rest,
    written,
    createRevision: Number(kv.create_revision ?? 0),
    modRevision: Number(kv.mod_revision),
    lease: kv.lease ?? "0",
  };
  return { resource: parsed.resource, kept };
}

function writtenIn(text: string): Written | undefined {
  try {
    const written = JSON.parse(text) as Partial<Written> | null;
    return typeof written?.permits === "number" ? (written as Written) : undefined;
  } catch {
    return undefined;
  }
}

export function tokenOf({ written, createRevision, modRevision }: Kept): number {
  if (written?.token !== undefined) return written.token;
  if (written?.stamp !== undefined) return modRevision * TOKENS_PER_REVISION + written.stamp;
  return createRevision * TOKENS_PER_REVISION;
}

const ELSEWHERE: Owner = Object.freeze({ host: "unknown", pid: 0, label: "another program on etcd" });

/** When a place that others keep alive may end: they have renewed it we do not know when. */
export function mayEndAt({ written }: Kept, isGranted: boolean, now: number): number {
  if (written === undefined) return now;
  const ms = isGranted ? written.ttlMs : written.patienceMs;
  const first = written.at + ms;
  return first > now && first <= now + ms ? first : now + ms;
}

export function shown(kept: Kept, capacity: number, isGranted: boolean, expiresAt: number): Place {
  const { leaseId, written } = kept;
  return {
    leaseId,
    owner: written?.owner ?? ELSEWHERE,
    permits: written?.permits ?? capacity,
    token: isGranted ? tokenOf(kept) : null,
    since: written?.since ?? written?.at ?? 0,
    expiresAt,
  };
}
