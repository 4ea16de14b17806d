import type { StoredRecord, StoredVersion } from "../backend.ts";

/** A record's value and where it stands. `updatedAt` in ms since 1970, by the store's clock. */
export interface RecordHead<T> {
  readonly key: string;
  readonly value: T;
  /** Opaque; compare for equality only. Never used twice, also after delete and re-creation. */
  readonly revision: string;
  readonly updatedAt: number;
  readonly author: string | null;
}

/** What one write made of a record. Its versions form a chain from the first to the head. */
export interface RecordVersion<T> {
  readonly key: string;
  /** Null: deleted. */
  readonly value: T | null;
  readonly revision: string;
  /** The version before it, if there is one, then those that it merged. */
  readonly parents: readonly string[];
  /** Store's clock, ms since 1970; never lower than that of the version before. */
  readonly at: number;
  readonly author: string | null;
  readonly reason: string | null;
  readonly opId: string;
  /** What is to be sent because of this version. */
  readonly messages: readonly unknown[];
}

export function headOf<T>(stored: StoredRecord): RecordHead<T>;
export function headOf<T>(stored: StoredRecord | null): RecordHead<T> | null;
export function headOf<T>(stored: StoredRecord | null): RecordHead<T> | null {
  return stored === null ? null : { ...stored, value: JSON.parse(stored.value) as T };
}

export function versionOf<T>(stored: StoredVersion): RecordVersion<T> {
  return {
    ...stored,
    value: stored.value === null ? null : (JSON.parse(stored.value) as T),
    messages: stored.messages === null ? [] : (JSON.parse(stored.messages) as readonly unknown[]),
  };
}

/** The record as it was while this version was its head. */
export function headAt<T>(version: RecordVersion<T>): RecordHead<T> | null {
  const { key, value, revision, at, author } = version;
  return value === null ? null : { key, value, revision, updatedAt: at, author };
}
