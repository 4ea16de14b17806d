import type { Entry, StoredRecord, StoredVersion } from "../../backend.ts";
import { path } from "./names.ts";

export interface KeptRecord {
  /** Oldest first; the last one is the head, perhaps a deletion. Never empty. */
  readonly versions: KeptVersion[];
  /** The remembered versions by their `opId`. */
  readonly made: Map<string, StoredVersion>;
  /** Of the head; none of a deletion. */
  entries: readonly Entry[];
  /** Highest token seen per lock. */
  readonly fences: Map<string, bigint>;
}

export interface KeptVersion extends StoredVersion {
  /** Its place in the collection's feed, from 1. */
  readonly place: number;
}

/** The records of a collection, and the feed of what was made of them. */
export interface Collection {
  readonly records: Map<string, KeptRecord>;
  /** Keys of the records that have a unique entry, by its name and value: see `claimOf`. */
  readonly claims: Map<string, string>;
  /** By place, ascending, without what has been pruned. */
  feed: KeptVersion[];
  /** Place of the last version ever made. */
  end: number;
  /** Highest place of a version that has been pruned. */
  prunedTo: number;
  readonly watchers: Set<() => void>;
}

export function emptyCollection(): Collection {
  return { records: new Map(), claims: new Map(), feed: [], end: 0, prunedTo: 0, watchers: new Set() };
}

export function emptyRecord(): KeptRecord {
  return { versions: [], made: new Map(), entries: [], fences: new Map() };
}

export const claimOf = ({ name, value }: Entry): string => path(name, value);

/** The head has these entries from now on. */
export function setEntries(
  { claims }: Collection,
  key: string,
  kept: KeptRecord,
  entries: readonly Entry[],
): void {
  for (const entry of kept.entries) {
    if (entry.unique && claims.get(claimOf(entry)) === key) claims.delete(claimOf(entry));
  }
  for (const entry of entries) if (entry.unique) claims.set(claimOf(entry), key);
  kept.entries = entries;
}

export function headOf(kept: KeptRecord | undefined): KeptVersion | undefined {
  return kept?.versions.at(-1);
}

/** The record that a version is, or null: there is none, or it is a deletion. */
export function live(version: StoredVersion | undefined): StoredRecord | null {
  if (version === undefined || version.value === null) return null;
  const { key, value, revision, at, author } = version;
  return { key, value, revision, updatedAt: at, author };
}

export function stored(kept: KeptVersion): StoredVersion {
  const { key, value, revision, parents, at, author, reason, opId, messages } = kept;
  return { key, value, revision, parents, at, author, reason, opId, messages };
}
