import type { Entry, Step, StoredRecord, StoredVersion, Write, WriteOutcome } from "../../backend.ts";
import type { Collections } from "./collections.ts";
import type { SqliteDatabase, SqliteStatement } from "./driver.ts";
import { EntryRows, type Wanting } from "./entries.ts";
import { shown, type HeadRow } from "./head.ts";
import type { LockTable } from "./lock-table.ts";
import { restored, stored } from "./names.ts";
import { VersionRows, versionOf, type VersionRow } from "./versions.ts";
import type { Transaction } from "./writer.ts";

interface Row extends HeadRow {
  readonly id: number;
  /** JSON triples of name, value, and whether it is unique. */
  readonly entries: string | null;
  /** JSON pairs of lock and highest token seen, in decimal digits. */
  readonly fences: string | null;
  /** Whether the record remembers the id that was asked about. */
  readonly is_replay: 0 | 1;
}

export interface NamedRow extends HeadRow {
  readonly name: string;
}

/** A write on its way: what its record is, and which of its steps were made before. */
interface Asked extends Wanting {
  readonly row: Row | undefined;
  readonly replay: VersionRow | undefined;
}

/** The table of records, each of which points to its head. */
export class RecordRows {
  readonly versions: VersionRows;
  readonly entries: EntryRows;
  readonly #select: SqliteStatement;
  readonly #insert: SqliteStatement;
  readonly #update: SqliteStatement;
  readonly #page: SqliteStatement;

  constructor(
    database: SqliteDatabase,
    readonly collections: Collections,
    readonly locks: LockTable,
  ) {
    this.versions = new VersionRows(database);
    this.entries = new EntryRows(database);
    this.#select = database.prepare(
      `SELECT r.id, r.entries, r.fences, v.value, v.revision, v.at, v.author,
         EXISTS (SELECT 1 FROM holdfast_version WHERE record = r.id AND op_id = ?) AS is_replay
       FROM holdfast_record AS r JOIN holdfast_version AS v ON v.place = r.head
       WHERE r.collection = ? AND r.key = ?`,
    );
    this.#insert = database.prepare(
      "INSERT INTO holdfast_record (collection, key, head, versions) VALUES (?, ?, 0, 0) RETURNING id",
    );
    this.#update = database.prepare(
      `UPDATE holdfast_record
       SET head = ?, versions = versions + ?, deleted_at = ?, entries = ?, fences = ? WHERE id = ?`,
    );
    this.#page = database.prepare(
      `SELECT r.key AS name, v.value, v.revision, v.at, v.author
       FROM holdfast_record AS r JOIN holdfast_version AS v ON v.place = r.head
       WHERE r.collection = ? AND r.key >= ? ORDER BY r.key LIMIT ?`,
    );
  }

  read(collection: string, key: string): StoredRecord | null {
    this.collections.find(collection);
    return shown(key, this.#row(collection, key));
  }

  /** Undefined: nothing is remembered of it. */
  idOf(collection: string, key: string): number | undefined {
    this.collections.find(collection);
    return this.#row(collection, key)?.id;
  }

  page(collection: string, from: string, limit: number): readonly NamedRow[] {
    const id = this.collections.find(collection);
    return id === undefined ? [] : (this.#page.all(id, from, limit) as NamedRow[]);
  }

  write(writes: readonly Write[], transaction: Transaction): WriteOutcome {
    const asked: Asked[] = [];
    for (const [index, write] of writes.entries()) {
      const row = this.#row(write.collection, write.key, write.opId);
      const steps = stepsOf(write);
      const known = row === undefined ? [] : this.#known(row, steps);
      if (known.length > 0 && known.length < steps.length) {
        const versions = known.map((version) => versionOf(write.key, version));
        return { kind: "repeated", index, versions };
      }
      const replay = known.at(-1);
      const collection = this.collections.known(write.collection)!;
      asked.push({ write, collection, row, replay, entries: entriesOf(row) });
      if (replay !== undefined) continue;
      if (this.#isStale(write, row, transaction.now)) return { kind: "stale", index };
      const current = shown(write.key, row);
      if (write.ifRevision !== undefined && write.ifRevision !== (current?.revision ?? null)) {
        return { kind: "conflict", index, current };
      }
    }
    const taken = this.entries.taken(asked.map((each) => (each.replay === undefined ? each : undefined)));
    if (taken !== undefined) return { kind: "taken", ...taken };
    return { kind: "written", records: asked.map((each) => this.#apply(each, transaction)) };
  }

  #apply({ write, collection, row, replay, entries: had }: Asked, { now }: Transaction): StoredRecord | null {
    const { key, value, fence } = write;
    if (replay !== undefined) return shown(key, replay);
    if (value === null && write.earlier === undefined && shown(key, row) === null) return null;
    const steps = stepsOf(write);
    const record = row?.id ?? (this.#insert.get(collection, stored(key)) as { readonly id: number }).id;
    const at = Math.max(now, row?.at ?? now);
    const first = this.versions.mint(now);
    let before = row === undefined ? undefined : restored(row.revision);
    for (const [nth, step] of steps.entries()) {
      this.versions.insert(collection, record, first + nth, version(key, step, before, at));
      before = step.revision;
    }
    const entries = value === null ? [] : (write.entries ?? had);
    this.entries.replace(collection, key, had, entries);
    const fences = fencesOf(row);
    if (fence !== undefined && !fence.shared) fences.set(fence.resource, String(fence.token));
    this.#update.run(
      first + steps.length - 1,
      steps.length,
      value === null ? at : null,
      entries.length === 0
        ? null
        : JSON.stringify(entries.map(({ name, value, unique }) => [name, value, unique])),
      fences.size === 0 ? null : JSON.stringify([...fences]),
      record,
    );
    const { revision, author = null } = write;
    return value === null ? null : { key, value, revision, updatedAt: at, author };
  }

  #isStale(write: Write, row: Row | undefined, now: number): boolean {
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
    return !shared && BigInt(fencesOf(row).get(resource) ?? 0) > token;
  }

  /** Those of the steps that were made before. The row tells of the last one, which is often the only one. */
  #known(row: Row, steps: readonly Step[]): readonly VersionRow[] {
    if (steps.length === 1 && row.is_replay === 0) return [];
    return steps
      .map(({ opId }) => this.versions.byOpId(row.id, opId))
      .filter((version) => version !== undefined);
  }

  #row(collection: string, key: string, opId = ""): Row | undefined {
    const id = this.collections.known(collection);
    if (id === undefined) return undefined;
    return this.#select.get(stored(opId), id, stored(key)) as Row | undefined;
  }
}

const stepsOf = (write: Write): readonly Step[] => [...(write.earlier ?? []), write];

function version(key: string, step: Step, before: string | undefined, at: number): StoredVersion {
  const { value, revision, opId, author = null, reason = null, messages = null, merges = [] } = step;
  const parents = [...(before === undefined ? [] : [before]), ...merges];
  return { key, value, revision, parents, at, author, reason, opId, messages };
}

function entriesOf(row: Row | undefined): readonly Entry[] {
  const triples = JSON.parse(row?.entries ?? "[]") as [string, string, boolean][];
  return triples.map(([name, value, unique]) => ({ name, value, unique }));
}

function fencesOf(row: Row | undefined): Map<string, string> {
  const pairs = row?.fences ?? null;
  return new Map(pairs === null ? [] : (JSON.parse(pairs) as [string, string][]));
}
