import {
  IDLE_MEMORY_MS,
  type Entry,
  type Step,
  type StoredRecord,
  type StoredVersion,
  type Write,
  type WriteOutcome,
} from "../../backend.ts";
import type { Transaction } from "./calls.ts";
import type { MysqlValue } from "./client.ts";
import { fieldOf, takenEntry, type Wanting } from "./entries.ts";
import type { Room } from "./locks.ts";
import { inOrder } from "./pack.ts";
import { CLOCK, NEVER } from "./rule.ts";
import { liveOf, VERSION_COLUMNS, versionOf } from "./version-row.ts";

/** A record's row, which the transaction has locked. */
interface Row {
  readonly id: number;
  /** Null: the row was made just now. */
  readonly head: StoredVersion | null;
  readonly entries: readonly Entry[];
  readonly fences: ReadonlyMap<string, string>;
}

/** A write on its way. `replay`: what its last step made, if its steps were made before. */
interface Asked extends Wanting {
  readonly row: Row;
  readonly replay: StoredVersion | undefined;
}

/** Of a version whose record is known. */
const ROW_COLUMNS = VERSION_COLUMNS.replace("r.name, ", "");
const ROWS_MAX = 200;

const bytes = (text: string): Buffer => Buffer.from(text);
const optional = (text: string | null | undefined): Buffer | null =>
  text === null || text === undefined ? null : Buffer.from(text);
const stepsOf = (write: Write): readonly Step[] => [...(write.earlier ?? []), write];

/**
 * All writes of a call or none, in one transaction. First every row that matters is locked, in an order that
 * all calls keep: the locks of the fences, then the records; a row that is not there yet is made, so that
 * nobody else can make it meanwhile. Then the writes are looked at in the order given, and only if none is
 * refused they are applied.
 *
 * A lock's row that is locked for sharing lets other writers pass, but no step of the lock itself: nobody can
 * be granted it between the check and the commit.
 */
export class Writing {
  constructor(
    private readonly room: Room,
    private readonly transaction: Transaction,
  ) {}

  /** What is to become of the call; all but `written` is to be rolled back. */
  async run(writes: readonly Write[]): Promise<WriteOutcome> {
    await this.#lockFences(writes);
    const collections = await this.#collections(writes);
    const rows = await this.#lockRecords(writes, collections);
    const us = await this.#clock();
    const asked: Asked[] = [];
    for (const [index, write] of writes.entries()) {
      const row = rows[index]!;
      const known = await this.#known(row, write);
      if (known.length > 0 && known.length < stepsOf(write).length) {
        return { kind: "repeated", index, versions: known };
      }
      const replay = known.at(-1);
      const collection = collections.get(write.collection)!;
      asked.push({ write, row, replay, collection, entries: row.entries });
      if (replay !== undefined) continue;
      if (await this.#isStale(write, row, us / 1000)) return { kind: "stale", index };
      const current = row.head === null ? null : liveOf(row.head);
      if (write.ifRevision !== undefined && write.ifRevision !== (current?.revision ?? null)) {
        return { kind: "conflict", index, current };
      }
    }
    const fresh = asked.map((each) => (each.replay === undefined ? each : undefined));
    const taken = await takenEntry(fresh, this.room.names, this.transaction);
    if (taken !== undefined) return { kind: "taken", ...taken };
    for (const each of asked) if (each.replay === undefined) await this.#dropEntries(each);
    const records: (StoredRecord | null)[] = [];
    for (const each of asked) records.push(await this.#apply(each, Math.floor(us / 1000)));
    return { kind: "written", records };
  }

  async #lockFences(writes: readonly Write[]): Promise<void> {
    const locks = writes.flatMap(({ fence }) => (fence === undefined ? [] : [fence.resource]));
    const table = this.room.names.table("lock");
    for (const lock of [...new Set(locks)].sort()) {
      const find = `SELECT last FROM ${table} WHERE space = ? AND name = ? LOCK IN SHARE MODE`;
      const [row] = await this.transaction.rows(find, [this.room.space, bytes(lock)]);
      if (row !== undefined) continue;
      const forgetAt = Math.floor((await this.#clock()) / 1000) + IDLE_MEMORY_MS;
      await this.transaction.change(
        `INSERT INTO ${table}
           (space, name, capacity, last, used, due, held, queue, ended, revocations, forget_at, look_at)
         VALUES (?, ?, 0, 0, 0, ${NEVER}, '', '', '', '', ?, ?) ON DUPLICATE KEY UPDATE look_at = look_at`,
        [this.room.space, bytes(lock), forgetAt, forgetAt],
      );
    }
  }

  async #collections(writes: readonly Write[]): Promise<ReadonlyMap<string, number>> {
    const table = this.room.names.table("collection");
    const ids = new Map<string, number>();
    for (const name of [...new Set(writes.map(({ collection }) => collection))].sort()) {
      const values = [this.room.space, bytes(name)];
      const find = `SELECT id FROM ${table} WHERE space = ? AND name = ?`;
      let [row] = await this.transaction.rows(find, values);
      if (row === undefined) {
        const make = `INSERT INTO ${table} (space, name) VALUES (?, ?) ON DUPLICATE KEY UPDATE id = id`;
        await this.transaction.change(make, values);
        [row] = await this.transaction.rows(find, values);
      }
      ids.set(name, Number(row?.["id"]));
    }
    return ids;
  }

  async #lockRecords(
    writes: readonly Write[],
    collections: ReadonlyMap<string, number>,
  ): Promise<readonly Row[]> {
    const rows: Row[] = [];
    for (const index of inOrder(writes, ({ collection, key }) => `${collection}\u0000${key}`)) {
      const { collection, key } = writes[index]!;
      rows[index] = await this.#lockRecord(collections.get(collection)!, key);
    }
    return rows;
  }

  async #lockRecord(collection: number, key: string): Promise<Row> {
    const { names } = this.room;
    const values = [collection, bytes(key)];
    const find =
      `SELECT id, head, entries, fences FROM ${names.table("record")} ` +
      "WHERE collection = ? AND name = ? FOR UPDATE";
    let [row] = await this.transaction.rows(find, values);
    if (row === undefined) {
      await this.transaction.change(
        `INSERT INTO ${names.table("record")} (collection, name, head, at, versions) VALUES (?, ?, 0, 0, 0)
         ON DUPLICATE KEY UPDATE versions = versions`,
        values,
      );
      [row] = await this.transaction.rows(find, values);
    }
    const triples = JSON.parse(String(row?.["entries"] ?? "[]")) as [string, string, boolean][];
    const head = Number(row?.["head"]);
    return {
      id: Number(row?.["id"]),
      head: head === 0 ? null : await this.#version(key, head),
      entries: triples.map(([name, value, unique]) => ({ name, value, unique })),
      fences: new Map(JSON.parse(String(row?.["fences"] ?? "[]")) as [string, string][]),
    };
  }

  async #version(key: string, id: number): Promise<StoredVersion | null> {
    const { names } = this.room;
    const [row] = await this.transaction.rows(
      `SELECT ${ROW_COLUMNS} FROM ${names.table("version")} AS v WHERE v.id = ?`,
      [id],
    );
    return row === undefined ? null : versionOf(key, row);
  }

  /** What the steps made, if they were made before, in their order. */
  async #known({ id, head }: Row, write: Write): Promise<readonly StoredVersion[]> {
    if (head === null) return [];
    const opIds = stepsOf(write).map(({ opId }) => opId);
    const rows = await this.transaction.rows(
      `SELECT ${ROW_COLUMNS} FROM ${this.room.names.table("version")} AS v
       WHERE v.record = ? AND v.op_id IN (${opIds.map(() => "?").join(", ")}) ORDER BY v.id`,
      [id, ...opIds.map(bytes)],
    );
    const versions = new Map(rows.map((row) => [String(row["op_id"]), versionOf(write.key, row)]));
    return opIds.flatMap((opId) => versions.get(opId) ?? []);
  }

  async #isStale({ fence }: Write, row: Row, ms: number): Promise<boolean> {
    if (fence === undefined) return false;
    const { resource, token, shared } = fence;
    const text = `SELECT last, held FROM ${this.room.names.table("lock")} WHERE space = ? AND name = ?`;
    const [lock] = await this.transaction.rows(text, [this.room.space, bytes(resource)]);
    const storeToken = Number(token / 1024n);
    const held = (lock?.["held"] ?? Buffer.alloc(0)) as Buffer;
    if (Number(lock?.["last"] ?? 0) > storeToken && !isHeld(held, storeToken, ms)) return true;
    return !shared && BigInt(row.fences.get(resource) ?? 0) > token;
  }

  async #clock(): Promise<number> {
    const given = this.room.given();
    const text = `SELECT ${CLOCK.replace("given", "?")} AS us`;
    const [row] = await this.transaction.rows(text, [given]);
    return Number(row?.["us"]);
  }

  /** Before any is added: records may swap what must be unique. */
  async #dropEntries({ write, collection, entries: had }: Asked): Promise<void> {
    const kept = new Set(entriesAfter(write, had).map(textOf));
    for (const entry of had) {
      if (kept.has(textOf(entry))) continue;
      await this.transaction.change(
        `DELETE FROM ${this.room.names.table("entry")}
         WHERE collection = ? AND field = ? AND value = ? AND name = ?`,
        [collection, fieldOf(entry.name), bytes(entry.value), bytes(write.key)],
      );
    }
  }

  async #apply(asked: Asked, ms: number): Promise<StoredRecord | null> {
    const { write, collection, row, replay, entries: had } = asked;
    const { key, value, fence } = write;
    if (replay !== undefined) return liveOf(replay);
    const isLive = row.head !== null && row.head.value !== null;
    if (value === null && write.earlier === undefined && !isLive) {
      if (row.head === null) {
        const text = `DELETE FROM ${this.room.names.table("record")} WHERE collection = ? AND name = ?`;
        await this.transaction.change(text, [collection, bytes(key)]);
      }
      return null;
    }
    const at = Math.max(ms, row.head?.at ?? ms);
    const head = await this.#insertVersions(collection, row, stepsOf(write), at);
    const before = new Set(had.map(textOf));
    const entries = entriesAfter(write, had);
    for (const entry of entries) {
      if (before.has(textOf(entry))) continue;
      await this.transaction.change(
        `INSERT INTO ${this.room.names.table("entry")} (collection, field, value, name, claims)
         VALUES (?, ?, ?, ?, ?)`,
        [collection, fieldOf(entry.name), bytes(entry.value), bytes(key), entry.unique ? 1 : null],
      );
    }
    const fences = new Map(row.fences);
    if (fence !== undefined && !fence.shared) fences.set(fence.resource, String(fence.token));
    await this.transaction.change(
      `UPDATE ${this.room.names.table("record")}
       SET head = ?, revision = ?, at = ?, deleted_at = ?, versions = versions + ?, entries = ?, fences = ?
       WHERE collection = ? AND name = ?`,
      [
        head,
        bytes(write.revision),
        at,
        value === null ? at : null,
        stepsOf(write).length,
        entries.length === 0 ? null : bytes(JSON.stringify(entries.map((each) => Object.values(each)))),
        fences.size === 0 ? null : bytes(JSON.stringify([...fences])),
        collection,
        bytes(key),
      ],
    );
    const { revision, author = null } = write;
    return value === null ? null : { key, value, revision, updatedAt: at, author };
  }

  /** Returns the last one's id. */
  async #insertVersions(collection: number, row: Row, steps: readonly Step[], at: number): Promise<number> {
    const table = this.room.names.table("version");
    let parent = row.head?.revision;
    for (let from = 0; from < steps.length; from += ROWS_MAX) {
      const values: MysqlValue[] = [];
      const some = steps.slice(from, from + ROWS_MAX);
      for (const { value, revision, merges = [], author, reason, opId, messages } of some) {
        values.push(collection, row.id, optional(value), bytes(revision), optional(parent));
        values.push(merges.length === 0 ? null : bytes(JSON.stringify(merges)), at);
        values.push(optional(author), optional(reason), bytes(opId), optional(messages));
        parent = revision;
      }
      await this.transaction.change(
        `INSERT INTO ${table}
           (collection, record, value, revision, parent, merges, at, author, reason, op_id, messages)
         VALUES ${some.map(() => "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").join(", ")}`,
        values,
      );
    }
    const last = `SELECT id FROM ${table} WHERE record = ? ORDER BY id DESC LIMIT 1`;
    const [found] = await this.transaction.rows(last, [row.id]);
    return Number(found?.["id"]);
  }
}

const entriesAfter = (write: Write, had: readonly Entry[]): readonly Entry[] =>
  write.value === null
    ? []
    : (write.entries ?? had).map(({ name, value, unique }) => ({ name, value, unique }));

const textOf = ({ name, value, unique }: Entry): string => JSON.stringify([name, value, unique]);

/** Whether a live place of a lock has this token. For how places are kept, see rule.ts. */
function isHeld(places: Buffer, token: number, ms: number): boolean {
  for (let at = 0; at < places.length; at = places.indexOf(0xfe, at) + 1) {
    const number = (offset: number): number =>
      Number(places.toString("latin1", at + offset, at + offset + 16));
    if (number(22) === token && number(54) > ms) return true;
  }
  return false;
}
