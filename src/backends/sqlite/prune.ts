import type { PruneRequest } from "../../backend.ts";
import type { Collections } from "./collections.ts";
import type { SqliteDatabase, SqliteStatement } from "./driver.ts";
import { placeOf } from "./feed.ts";

interface Candidate {
  readonly id: number;
  readonly versions: number;
}

/** Removes history, inside a transaction. */
export class Pruning {
  readonly #gone: SqliteStatement;
  readonly #spare: SqliteStatement;
  readonly #oldest: SqliteStatement;
  readonly #deleteVersion: SqliteStatement;
  readonly #count: SqliteStatement;
  readonly #deleteRecord: SqliteStatement;
  readonly #keepPlace: SqliteStatement;

  constructor(
    database: SqliteDatabase,
    readonly collections: Collections,
  ) {
    this.#gone = database.prepare(
      `SELECT id, versions FROM holdfast_record
       WHERE collection = ? AND deleted_at IS NOT NULL AND deleted_at < ? AND head <= ?
       ORDER BY deleted_at LIMIT ?`,
    );
    this.#spare = database.prepare(
      `SELECT id, versions FROM holdfast_record
       WHERE collection = ? AND versions > 1 AND versions > ? ORDER BY versions DESC`,
    );
    this.#oldest = database.prepare(
      `SELECT place FROM holdfast_version WHERE record = ? AND place <= ? AND at < ? ORDER BY place LIMIT ?`,
    );
    this.#deleteVersion = database.prepare("DELETE FROM holdfast_version WHERE place = ?");
    this.#count = database.prepare("UPDATE holdfast_record SET versions = versions - ? WHERE id = ?");
    this.#keepPlace = database.prepare("UPDATE holdfast_meta SET place = max(place, ?)");
    this.#deleteRecord = database.prepare("DELETE FROM holdfast_record WHERE id = ? AND versions = 0");
  }

  prune({ collection, before, keep, limit, upTo = [] }: PruneRequest): number {
    const id = this.collections.known(collection);
    if (id === undefined) return 0;
    const seen = Math.min(Number.MAX_SAFE_INTEGER, ...upTo.map(placeOf));
    let left = limit;
    let highest = 0;
    const take = (record: number, count: number): void => {
      const rows = this.#oldest.all(record, seen, before, Math.min(count, left)) as { place: number }[];
      for (const { place } of rows) this.#deleteVersion.run(place);
      if (rows.length > 0) this.#count.run(rows.length, record);
      left -= rows.length;
      highest = Math.max(highest, rows.at(-1)?.place ?? 0);
    };
    for (const { id: record, versions } of this.#gone.all(id, before, seen, limit) as Candidate[]) {
      take(record, versions);
      this.#deleteRecord.run(record);
    }
    if (left > 0) {
      const spare = Math.max(1, keep);
      for (const { id: record, versions } of this.#spare.all(id, spare) as Candidate[]) {
        take(record, versions - spare);
        if (left === 0) break;
      }
    }
    if (highest > 0) {
      this.collections.pruned(id, highest);
      this.#keepPlace.run(highest);
    }
    return limit - left;
  }
}
