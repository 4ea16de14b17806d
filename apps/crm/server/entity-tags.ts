import { HttpProblem } from "./problem.ts";

/** A strong entity tag. Revisions are opaque text, entity tags know neither spaces nor quotes. */
export const entityTag = (revision: string): string => `"${encodeURIComponent(revision)}"`;

/**
 * Revisions that the sender of a write says to have seen. Weak tags are none: what they name may differ.
 * Without any, or with `*`, nothing is said about what the author has seen, and a lost update could not
 * be told from an intended one.
 */
export function seenRevisions(ifMatch: string | undefined): readonly string[] {
  if (ifMatch === undefined || ifMatch.trim() === "*") {
    throw new HttpProblem({
      status: 428,
      type: "revision-required",
      title: "Say which revision you have seen",
      detail:
        "send the ETag of the record as you have read it in If-Match, so that you overwrite no later edit",
    });
  }
  return tags(ifMatch).flatMap(({ revision, isWeak }) => (isWeak ? [] : [revision]));
}

/** Whether the reader has this revision already. */
export function isKnown(ifNoneMatch: string | undefined, revision: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.trim() === "*" || tags(ifNoneMatch).some((tag) => tag.revision === revision);
}

function tags(header: string): readonly { readonly revision: string; readonly isWeak: boolean }[] {
  return [...header.matchAll(/(W\/)?"([^"]*)"/g)].flatMap(([, weak, tag = ""]) => {
    try {
      return [{ revision: decodeURIComponent(tag), isWeak: weak !== undefined }];
    } catch {
      return []; // no tag of ours
    }
  });
}
