import assert from "node:assert/strict";
import type { FeedPage, FeedPosition, StoredVersion } from "../backend.ts";
import type { Draft, Participant } from "./participant.ts";

/** Writes, which must succeed, and returns the revision that it made. */
export async function made(
  process: Participant,
  draft: Draft & { readonly revision?: string },
): Promise<string> {
  const revision = draft.revision ?? process.leaseId();
  const outcome = await process.write({ ...draft, revision });
  assert.equal(outcome.kind, "written", JSON.stringify(outcome));
  return revision;
}

/** All versions of a record, newest first, which must be a chain. */
export async function historyOf(
  process: Participant,
  collection: string,
  key: string,
): Promise<readonly StoredVersion[]> {
  const versions = await process.backend.history(collection, key, { limit: 10_000 });
  for (const [at, version] of versions.slice(0, -1).entries()) {
    assert.equal(version.parents[0], versions[at + 1]?.revision, "each version follows the one before it");
  }
  return versions;
}

/** A page of the feed, which must not be a reset. */
export async function pageOf(
  process: Participant,
  collection: string,
  after: FeedPosition | null,
  limit = 1_000,
): Promise<Extract<FeedPage, { readonly kind: "page" }>> {
  const page = await process.backend.changes(collection, after, limit);
  assert.equal(page.kind, "page");
  return page as Extract<FeedPage, { readonly kind: "page" }>;
}

/** What a feed shows after a position, read page by page, and where it ended. */
export async function readFeed(
  process: Participant,
  collection: string,
  after: FeedPosition | null,
  limit = 1_000,
): Promise<{ readonly versions: readonly StoredVersion[]; readonly position: FeedPosition }> {
  const versions: StoredVersion[] = [];
  let position = after;
  for (;;) {
    const page = await pageOf(process, collection, position, limit);
    assert.ok(page.versions.length <= limit, "a page keeps to its limit");
    assert.ok(!page.more || page.versions.length > 0, "where there is more, a page is not empty");
    versions.push(...page.versions);
    position = page.position;
    if (!page.more) return { versions, position };
  }
}

/** Versions as a feed must show them: in one order, or only those of each record. */
export function inFeedOrder(
  { backend }: Participant,
  versions: readonly StoredVersion[],
): readonly (readonly [key: string, revision: string])[] {
  const shown = versions.map(({ key, revision }) => [key, revision] as const);
  if (backend.guarantees.feed === "total") return shown;
  return [...shown].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
