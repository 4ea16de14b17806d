import type { StoredRecord } from "../../backend.ts";
import { restored } from "./names.ts";

/** The version that is a record's head; without a value the record is deleted. */
export interface HeadRow {
  readonly value: string | null;
  readonly revision: string;
  readonly at: number;
  readonly author: string | null;
}

export function shown(key: string, row: HeadRow | undefined): StoredRecord | null {
  if (row === undefined || row.value === null) return null;
  const { value, revision, at, author } = row;
  return {
    key,
    value,
    revision: restored(revision),
    updatedAt: at,
    author: author === null ? null : restored(author),
  };
}
