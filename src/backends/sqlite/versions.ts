import type { StoredVersion } from "../../backend.ts";
import type { SqliteDatabase, SqliteStatement } from "./driver.ts";
import { restored, stored } from "./names.ts";

export interface VersionRow {
  readonly place: number;
  readonly key: string;
  readonly value: string | null;
  readonly revision: string;
  /** A JSON list, or null for none. */
  readonly parents: string | null;
  readonly at: number;
  readonly author: string | null;
  readonly reason: string | null;
  readonly op_id: string;
  readonly messages: string | null;
}

const COLUMNS = "place, value, revision, parents, at, author, reason, op_id, messages";
const OF_RECORD = `SELECT '' AS key, ${COLUMNS} FROM holdfast_version WHERE record = ?`;

/** The table of versions. */
export class VersionRows {
  readonly #insert: SqliteStatement;
  readonly #byOpId: SqliteStatement;
  readonly #byRevision: SqliteStatement;
  readonly #history: SqliteStatement;
  readonly #feed: SqliteStatement;
  readonly #end: SqliteStatement;

  constructor(database: SqliteDatabase) {
    this.#insert = database.prepare(
      `INSERT INTO holdfast_version (collection, record, ${COLUMNS})
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#byOpId = database.prepare(`${OF_RECORD} AND op_id = ?`);
    this.#byRevision = database.prepare(`${OF_RECORD} AND revision = ? ORDER BY place DESC LIMIT 1`);
    this.#history = database.prepare(`${OF_RECORD} AND place < ? ORDER BY place DESC LIMIT ?`);
    this.#feed = database.prepare(
      `SELECT r.key, v.place, v.value, v.revision, v.parents, v.at, v.author, v.reason, v.op_id, v.messages
       FROM holdfast_version AS v JOIN holdfast_record AS r ON r.id = v.record
       WHERE v.collection = ? AND v.place > ? ORDER BY v.place LIMIT ?`,
    );
    this.#end = database.prepare(
      `SELECT max(place, coalesce((SELECT max(place) FROM holdfast_version), 0)) AS place
       FROM holdfast_meta`,
    );
  }

  /**
   * The next place; those after it are free, too. Microseconds are their floor: a power cut may take the last
   * commits back, and their places with them, which some reader has seen.
   */
  mint(now: number): number {
    return Math.max(this.end() + 1, Math.floor(now * 1000));
  }

  insert(collection: number, record: number, place: number, version: StoredVersion): void {
    const { value, revision, parents, at, author, reason, opId, messages } = version;
    this.#insert.run(
      collection,
      record,
      place,
      value,
      stored(revision),
      parents.length === 0 ? null : JSON.stringify(parents),
      at,
      author === null ? null : stored(author),
      reason === null ? null : stored(reason),
      stored(opId),
      messages,
    );
  }

  byOpId(record: number, opId: string): VersionRow | undefined {
    return this.#byOpId.get(record, stored(opId)) as VersionRow | undefined;
  }

  byRevision(record: number, revision: string): VersionRow | undefined {
    return this.#byRevision.get(record, stored(revision)) as VersionRow | undefined;
  }

  /** Newest first, from before a place. */
  history(record: number, before: number, limit: number): readonly VersionRow[] {
    return this.#history.all(record, before, limit) as VersionRow[];
  }

  /** Oldest first, from after a place. */
  feed(collection: number, after: number, limit: number): readonly VersionRow[] {
    return this.#feed.all(collection, after, limit) as VersionRow[];
  }

  /** The last place that was given to a version, which may have been pruned since. */
  end(): number {
    return (this.#end.get() as { readonly place: number }).place;
  }
}

export function versionOf(key: string, row: VersionRow): StoredVersion {
  const { value, revision, parents, at, author, reason, op_id, messages } = row;
  return {
    key,
    value,
    revision: restored(revision),
    parents: parents === null ? [] : (JSON.parse(parents) as string[]),
    at,
    author: author === null ? null : restored(author),
    reason: reason === null ? null : restored(reason),
    opId: restored(op_id),
    messages,
  };
}
