import type { StoredRecord, StoredVersion } from "../../backend.ts";
import type { Row } from "./calls.ts";

export const HEAD_COLUMNS = "r.name, v.value, v.revision, v.at, v.author";
export const VERSION_COLUMNS = `${HEAD_COLUMNS}, v.parent, v.merges, v.reason, v.op_id, v.messages`;

const text = (value: unknown): string | null => (value === null ? null : String(value));

export function recordOf({ name, value, revision, at, author }: Row): StoredRecord {
  return {
    key: String(name),
    value: String(value),
    revision: String(revision),
    updatedAt: Number(at),
    author: text(author),
  };
}

export function versionOf(key: string, row: Row): StoredVersion {
  const { value, revision, parent, merges, at, author, reason, op_id, messages } = row;
  return {
    key,
    value: text(value),
    revision: String(revision),
    parents: [
      ...(parent === null ? [] : [String(parent)]),
      ...(merges === null ? [] : (JSON.parse(String(merges)) as string[])),
    ],
    at: Number(at),
    author: text(author),
    reason: text(reason),
    opId: String(op_id),
    messages: text(messages),
  };
}

/** The record that a version is, or null: it is a deletion. */
export function liveOf({ key, value, revision, at, author }: StoredVersion): StoredRecord | null {
  return value === null ? null : { key, value, revision, updatedAt: at, author };
}
