import type { StoredRecord, StoredVersion } from "../../backend.ts";
import { restored } from "./names.ts";

/** As the function `shown_version` has it. */
export type FlatVersion = readonly [
  key: string,
  value: string | null,
  revision: string,
  parents: readonly string[],
  at: number,
  author: string | null,
  reason: string | null,
  opId: string,
  messages: string | null,
];

const orNull = (text: string | null): string | null => (text === null ? null : restored(text));

export function versionOf(flat: FlatVersion): StoredVersion {
  const [key, value, revision, parents, at, author, reason, opId, messages] = flat;
  return {
    key: restored(key),
    value,
    revision: restored(revision),
    parents: parents.map(restored),
    at,
    author: orNull(author),
    reason: orNull(reason),
    opId: restored(opId),
    messages,
  };
}

/** The record that a version is, or null: it is a deletion. */
export function liveOf(flat: FlatVersion): StoredRecord | null {
  const { key, value, revision, at, author } = versionOf(flat);
  return value === null ? null : { key, value, revision, updatedAt: at, author };
}
