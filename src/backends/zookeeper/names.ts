import { ALL } from "../../backend.ts";

/**
 * What ZooKeeper refuses in a path (controls, surrogates and so all beyond the basic plane, the private use
 * area, specials), the slash, and the percent sign of this very encoding.
 */
const FORBIDDEN = /[\p{Cc}\ud800-\uf8ff\ufff0-\uffff\u{10000}-\u{10ffff}/%]+/gu;
const RESERVED = new Set([".", "..", "zookeeper"]);

const percent = (text: string): string =>
  Buffer.from(text, "utf8").toString("hex").toUpperCase().replace(/../g, "%$&");

/**
 * Text as one part of a path. Usual names stay as they are, so that a Java process can name the same lock:
 * `invoice:42` of namespace `crm` is `/crm/invoice:42`.
 */
export function segmentOf(text: string): string {
  if (RESERVED.has(text)) return percent(text[0]!) + text.slice(1);
  return text.replace(FORBIDDEN, percent);
}

export function textOf(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    // Not ours: a percent sign as it is.
    return segment;
  }
}

/**
 * How a place's node is named before its sequence number: as by Curator, with the lease id in place of the
 * random one. Mutexes and read-write locks follow `InterProcessMutex` and `InterProcessReadWriteLock`.
 */
export function nodePrefix(leaseId: string, permits: number, capacity: number): string {
  // Neither dashes nor underscores, so that no id can look like a kind of lock.
  const id = leaseId.replace(/[^\w.:]|_/gu, percent);
  return `_c_${id}-${kindOf(permits, capacity)}`;
}

function kindOf(permits: number, capacity: number): string {
  if (capacity === 1) return "lock-";
  if (capacity === ALL && permits === 1) return "__READ__";
  if (capacity === ALL && permits === ALL) return "__WRIT__";
  return `${permits}of${capacity}-`;
}

/** A child of a resource's node, as its name tells. */
export interface Child {
  readonly name: string;
  /** Of our processes; the whole name of others'. */
  readonly leaseId: string;
  readonly process: string;
  /** Infinity: nobody knows, so that nothing fits beside it. */
  readonly permits: number;
  /** Null: nobody knows. */
  readonly capacity: number | null;
  readonly sequence: number;
  /** As it stands at the end of the name. */
  readonly digits: string;
}

/** A sequence number is 32 bits with a sign, printed by `%010d`. Recipes unknown to us end in one, too. */
const TAIL = /(lock-|__READ__|__WRIT__|(\d+)of(\d+)-|)(-\d{9}|-[12]\d{9}|\d{10})$/;

/** Null: nobody's place in line. */
export function childOf(name: string): Child | null {
  const match = TAIL.exec(name);
  if (match === null) return null;
  const [, kind, permits, capacity, sequence] = match;
  const id = /^_c_(.+)-$/.exec(name.slice(0, match.index))?.[1];
  const leaseId = id === undefined ? name : textOf(id);
  const colon = leaseId.indexOf(":");
  return {
    name,
    leaseId,
    process: colon < 0 ? leaseId : leaseId.slice(0, colon),
    ...weightOf(kind!, permits, capacity),
    sequence: Number(sequence),
    digits: sequence!,
  };
}

function weightOf(
  kind: string,
  permits: string | undefined,
  capacity: string | undefined,
): Pick<Child, "permits" | "capacity"> {
  if (kind === "lock-") return { permits: 1, capacity: 1 };
  if (kind === "__READ__") return { permits: 1, capacity: ALL };
  if (kind === "__WRIT__") return { permits: ALL, capacity: ALL };
  if (permits !== undefined) return { permits: Number(permits), capacity: Number(capacity) };
  return { permits: Infinity, capacity: null };
}
