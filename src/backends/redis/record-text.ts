import type { Step, StoredRecord, StoredVersion } from "../../backend.ts";

/**
 * A version as it is kept: five lines, and behind them the value.
 *
 *     number at kind id    its number in the record's chain, ms since 1970, v (a value) or d (deleted),
 *                          and the id of its entry in the feed
 *     revision             as JSON text, like the next two
 *     parent               the revision before it, or nothing
 *     opId
 *     details              JSON of author, reason, messages, and the revisions that it merges
 *
 * No script ever decodes JSON, which in Lua rounds large numbers and takes an empty list for an object:
 * lines are compared and copied as they are, and JSON text has no line break within.
 */
export function detailsOf({ author, reason, messages, merges = [] }: Step): string {
  const details = [author ?? null, reason ?? null, messages ?? null, ...merges];
  while (details.length > 0 && details.at(-1) === null) details.pop();
  return JSON.stringify(details);
}

export function versionOf(key: string, text: string): StoredVersion {
  const [first, revision, parent, opId, details, value] = split(text);
  const [, at, kind] = first.split(" ");
  const [author = null, reason = null, messages = null, ...merges] = JSON.parse(details) as Details;
  return {
    key,
    value: kind === "v" ? value : null,
    revision: JSON.parse(revision) as string,
    parents: [...(parent === "" ? [] : [JSON.parse(parent) as string]), ...(merges as string[])],
    at: Number(at),
    author,
    reason,
    opId: JSON.parse(opId) as string,
    messages,
  };
}

/** Null: there is no such text, or it is of a deletion. */
export function recordOf(key: string, text: unknown): StoredRecord | null {
  if (typeof text !== "string") return null;
  const [first, revision, , , details, value] = split(text);
  const [, at, kind] = first.split(" ");
  if (kind !== "v") return null;
  const [author = null] = JSON.parse(details) as Details;
  return { key, value, revision: JSON.parse(revision) as string, updatedAt: Number(at), author };
}

type Details = readonly (string | null)[];
type Parts = readonly [string, string, string, string, string, string];

function split(text: string): Parts {
  const parts: string[] = [];
  let from = 0;
  for (let line = 0; line < 5; line++) {
    const end = text.indexOf("\n", from);
    parts.push(text.slice(from, end));
    from = end + 1;
  }
  return [...parts, text.slice(from)] as unknown as Parts;
}
