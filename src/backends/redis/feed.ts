import type { FeedPage, FeedPosition, PruneRequest, StoredVersion } from "../../backend.ts";
import { systemClock } from "../../clock.ts";
import { recordKey, type Buckets } from "./buckets.ts";
import { versionOf } from "./record-text.ts";
import type { RecordScripts } from "./records.ts";

/** Versions in one call, so that no other call waits long. */
const PAGE_MAX = 1_000;
/** Entries of the feed that one call of prune looks at. */
const LOOK_MAX = 500;
/** The position, and the id, before all entries. */
const BEGINNING = "0-0";
/** An id, and behind it, except at the beginning, the revision that the entry is about. */
const POSITION = /^\d+-\d+(?= |$)/;

/** What was made of collections, in order. A position has a field for each bucket, by its number. */
export class Feed {
  readonly #scripts: RecordScripts;
  readonly #buckets: Buckets;

  constructor(scripts: RecordScripts, buckets: Buckets) {
    this.#scripts = scripts;
    this.#buckets = buckets;
  }

  async changes(collection: string, after: FeedPosition | null, limit: number): Promise<FeedPage> {
    const buckets = this.#buckets.all(collection);
    const positions = buckets.map((_, at) => (after === null ? BEGINNING : (after[at] ?? "")));
    const most = Math.max(1, Math.floor(Math.min(limit, PAGE_MAX) / buckets.length));
    const parts = await Promise.all(
      buckets.map((bucket, at) => this.#part(bucket, positions[at]!, most)),
    );
    const versions: StoredVersion[] = [];
    let more = false;
    // Where there is not room for one of each, none is always the last.
    const isTight = limit < buckets.length;
    const first = isTight ? Math.floor(systemClock.random() * buckets.length) : 0;
    for (const turn of buckets.keys()) {
      const at = (first + turn) % buckets.length;
      const part = parts[at]!;
      if (part === null) return { kind: "reset", position: await this.feedEnd(collection) };
      const fits = versions.length + part.versions.length <= limit;
      more ||= part.more || !fits;
      if (!fits) continue;
      versions.push(...part.versions);
      positions[at] = part.position;
    }
    return { kind: "page", versions, position: positionOf(positions), more };
  }

  async feedEnd(collection: string): Promise<FeedPosition> {
    const ends = await Promise.all(
      this.#buckets.all(collection).map((bucket) => this.#scripts.run("feedEnd", feedKeys(bucket))),
    );
    return positionOf(ends.map(String));
  }

  async prune({ collection, before, keep, limit, upTo = [] }: PruneRequest): Promise<number> {
    let left = limit;
    for (const [at, bucket] of this.#buckets.all(collection).entries()) {
      const ids = upTo.map((position) => POSITION.exec(position[at] ?? "")?.[0] ?? BEGINNING);
      let from: unknown = BEGINNING;
      while (left > 0 && typeof from === "string") {
        const command = feedKeys(bucket);
        command.push(recordKey(bucket, ""), String(before), String(keep), String(left), from);
        command.push(String(LOOK_MAX), ...ids);
        const reply = (await this.#scripts.run("prune", command)) as readonly [number, unknown];
        left -= Number(reply[0]);
        from = reply[1];
      }
    }
    return limit - left;
  }

  /** Null: the reader must begin anew. */
  async #part(bucket: string, position: string, limit: number): Promise<Part | null> {
    if (!POSITION.test(position)) return null;
    const command = feedKeys(bucket);
    command.push(recordKey(bucket, ""), position, String(limit));
    const reply = (await this.#scripts.run("changes", command)) as readonly unknown[] | null;
    if (reply === null) return null;
    const versions: StoredVersion[] = [];
    for (let at = 2; at < reply.length; at += 2) {
      versions.push(versionOf(String(reply[at]), String(reply[at + 1])));
    }
    return { versions, position: String(reply[1]), more: Number(reply[0]) > 0 };
  }
}

interface Part {
  readonly versions: readonly StoredVersion[];
  readonly position: string;
  readonly more: boolean;
}

const feedKeys = (bucket: string): string[] => ["", "", "2", `${bucket}feed`, `${bucket}pruned`];

const positionOf = (fields: readonly string[]): FeedPosition => Object.fromEntries(fields.entries());
