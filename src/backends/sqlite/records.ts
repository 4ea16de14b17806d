import type { StoredRecord, Write, WriteOutcome } from "../../backend.ts";
import type { SqliteDatabase, SqliteStatement } from "./driver.ts";
import type { LockTable } from "./lock-table.ts";
import { restored, stored } from "./names.ts";
import type { Transaction } from "./writer.ts";

/** A record's row; without a value it is what a deleted record leaves behind. */
interface Row {
  readonly id: number;
  readonly value: string | null;
  readonly revision: number;
  readonly updated_at: number;
  readonly author: string | null;
  readonly op_id: string;
  /** JSON pairs of lock and highest token seen, in decimal digits. */
  readonly fences: string | null;
}

export interface NamedRow extends Row {
  readonly name: string;
}

/** The table of records: the current version of each. */
export class RecordRows {
  readonly #namespace: string;
  readonly #select: SqliteStatement;
  readonly #insert: SqliteStatement;
  readonly #update: SqliteStatement;
  readonly #revise: SqliteStatement;
  readonly #page: SqliteStatement;

  constructor(
    database: SqliteDatabase,
    namespace: string,
    readonly locks: LockTable,
  ) {
    this.#namespace = stored(namespace);
    this.#select = database.prepare(
      `SELECT id, value, revision, updated_at, author, op_id, fences FROM holdfast_record
       WHERE namespace = ? AND collection = ? AND key = ?`,
    );
    this.#insert = database.prepare(
      `INSERT INTO holdfast_record
       (value, revision, updated_at, author, op_id, fences, namespace, collection, key)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#update = database.prepare(
      `UPDATE holdfast_record
       SET value = ?, revision = ?, updated_at = ?, author = ?, op_id = ?, fences = ? WHERE id = ?`,
    );
    this.#revise = database.prepare(
      "UPDATE holdfast_meta SET revision = max(revision + 1, ?) WHERE id = 1 RETURNING revision",
    );
    this.#page = database.prepare(
      `SELECT key AS name, value, revision, updated_at, author FROM holdfast_record
       WHERE namespace = ? AND collection = ? AND key >= ? ORDER BY key LIMIT ?`,
    );
  }

  read(collection: string, key: string): StoredRecord | null {
    return shown(key, this.#row(collection, key));
  }

  page(collection: string, from: string, limit: number): readonly NamedRow[] {
    return this.#page.all(this.#namespace, stored(collection), from, limit) as NamedRow[];
  }

  write(writes: readonly Write[], transaction: Transaction): WriteOutcome {
    const heads = writes.map(({ collection, key }) => this.#row(collection, key));
    for (const [index, write] of writes.entries()) {
      const head = heads[index];
      if (head?.op_id === stored(write.opId)) continue;
      if (this.#isStale(write, head, transaction.now)) return { kind: "stale", index };
      const current = shown(write.key, head);
      if (write.ifRevision !== undefined && write.ifRevision !== (current?.revision ?? null)) {
        return { kind: "conflict", index, current };
      }
    }
    return {
      kind: "written",
      records: writes.map((write, at) => this.#apply(write, heads[at], transaction)),
    };
  }

  #apply(
    write: Write,
    head: Row | undefined,
    { now }: Transaction,
  ): StoredRecord | null {
    const { collection, key, value, author = null, fence } = write;
    const opId = stored(write.opId);
    if (head?.op_id === opId) return shown(key, head);
    if (head === undefined && value === null) return null;
    /*
     * Microseconds as the floor: a power cut may take the last commits back, and their revisions
     * with them.
     */
    const { revision } = this.#revise.get(Math.floor(now * 1000)) as { readonly revision: number };
    const fences = fencesOf(head);
    if (fence !== undefined && !fence.shared) fences.set(fence.resource, String(fence.token));
    const values = [
      value,
      revision,
      now,
      author === null ? null : stored(author),
      opId,
      fences.size === 0 ? null : JSON.stringify([...fences]),
    ];
    if (head !== undefined) this.#update.run(...values, head.id);
    else this.#insert.run(...values, this.#namespace, stored(collection), stored(key));
    return value === null ? null : { key, value, revision: String(revision), updatedAt: now, author };
  }

  #isStale(write: Write, head: Row | undefined, now: number): boolean {
    if (write.fence === undefined) return false;
    const { resource, token, shared } = write.fence;
    const queue = this.locks.queue(resource);
    const storeToken = Number(token / 1024n);
    if (
      queue.last > storeToken &&
      !queue.places.some((place) => place.token === storeToken && place.expiresAt > now)
    ) {
      return true;
    }
    return !shared && BigInt(fencesOf(head).get(resource) ?? 0) > token;
  }

  #row(collection: string, key: string): Row | undefined {
    return this.#select.get(this.#namespace, stored(collection), stored(key)) as Row | undefined;
  }
}

function fencesOf(head: Row | undefined): Map<string, string> {
  const pairs = head?.fences ?? null;
  return new Map(pairs === null ? [] : (JSON.parse(pairs) as [string, string][]));
}

export function shown(
  key: string,
  row: Omit<Row, "id" | "op_id" | "fences"> | undefined,
): StoredRecord | null {
  if (row === undefined || row.value === null) return null;
  const { value, revision, updated_at, author } = row;
  return {
    key,
    value,
    revision: String(revision),
    updatedAt: updated_at,
    author: author === null ? null : restored(author),
  };
}
