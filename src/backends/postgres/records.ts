import type { Page, StoredRecord, Write, WriteOutcome } from "../../backend.ts";
import { inOrder, type Room } from "./locks.ts";
import type { Calls } from "./calls.ts";
import { restored, stored } from "./names.ts";
import { range } from "./page.ts";
import { parameters, statement, type Statement } from "./statement.ts";

type Row = Readonly<Record<string, unknown>>;

const COLUMNS = "key, value, revision::text AS revision, updated_at::text AS updated_at, author";

/** The verbs on records: one statement each. */
export class Records {
  readonly #write: Statement;
  readonly #read: Statement;
  readonly #scan: string;

  constructor(
    readonly calls: Calls,
    readonly room: Room,
  ) {
    const { schema } = room;
    this.#write = statement(`SELECT * FROM ${schema}.write(${parameters(13)})`);
    this.#read = statement(
      `SELECT ${COLUMNS} FROM ${schema}.record ` +
        "WHERE space = $1 AND collection = $2 AND key = $3 AND value IS NOT NULL",
    );
    this.#scan =
      `SELECT ${COLUMNS} FROM ${schema}.record WHERE space = $1 AND collection = $2 ` +
      "AND key >= $3 AND key <= $4 AND value IS NOT NULL ORDER BY record.key LIMIT $5";
  }

  async read(collection: string, key: string): Promise<StoredRecord | null> {
    const values = [this.room.space, stored(collection), stored(key)];
    const [row] = await this.calls.run("read", { ...this.#read, values });
    return row === undefined ? null : recordOf(key, row);
  }

  async scan(collection: string, page: Page): Promise<readonly StoredRecord[]> {
    const { lowest, highest, limit } = range(page);
    const values = [this.room.space, stored(collection), lowest, highest, limit];
    const rows = await this.calls.run("scan", { text: this.#scan, values });
    return rows.map((row) => recordOf(restored(String(row["key"])), row)!);
  }

  async write(writes: readonly Write[]): Promise<WriteOutcome> {
    if (writes.length === 0) return { kind: "written", records: [] };
    const fences = writes.map(({ fence }) => fence);
    const locks = fences.flatMap((fence) => (fence === undefined ? [] : [fence.resource]));
    const values = [
      this.room.space,
      this.room.given(),
      [...new Set(locks)].sort().map(stored),
      inOrder(writes, ({ collection, key }) => `${collection}\u0000${key}`).map((index) => index + 1),
      writes.map(({ collection }) => stored(collection)),
      writes.map(({ key }) => stored(key)),
      writes.map(({ value }) => value),
      writes.map(({ ifRevision }) => (ifRevision === undefined ? null : (ifRevision ?? ""))),
      writes.map(({ opId }) => stored(opId)),
      writes.map(({ author }) => (author === undefined ? null : stored(author))),
      fences.map((fence) => (fence === undefined ? null : stored(fence.resource))),
      fences.map((fence) => (fence === undefined ? null : String(fence.token))),
      fences.map((fence) => fence?.shared ?? false),
    ];
    const rows = await this.calls.run("write", { ...this.#write, values });
    const refused = rows.find((row) => Number(row["kind"]) >= 3);
    if (refused !== undefined) {
      const index = Number(refused["index"]);
      if (Number(refused["kind"]) === 4) return { kind: "stale", index };
      return { kind: "conflict", index, current: recordOf(writes[index]!.key, refused) };
    }
    return { kind: "written", records: writes.map((write, index) => written(write, rows[index]!)) };
  }
}

function written({ key, value, author }: Write, row: Row): StoredRecord | null {
  if (Number(row["kind"]) === 2) return recordOf(key, row);
  if (value === null) return null;
  const { revision, updated_at } = row;
  return { key, value, revision: String(revision), updatedAt: Number(updated_at), author: author ?? null };
}

function recordOf(key: string, { value, revision, updated_at, author }: Row): StoredRecord | null {
  if (typeof value !== "string") return null;
  return {
    key,
    value,
    revision: String(revision),
    updatedAt: Number(updated_at),
    author: typeof author === "string" ? restored(author) : null,
  };
}
