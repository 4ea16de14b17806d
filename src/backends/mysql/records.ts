import type {
  EntryPage,
  FoundRecord,
  HistoryPage,
  Page,
  StoredRecord,
  StoredVersion,
  Write,
  WriteOutcome,
} from "../../backend.ts";
import type { Calls } from "./calls.ts";
import type { MysqlValue } from "./client.ts";
import { entryRange, fieldOf } from "./entries.ts";
import type { Room } from "./locks.ts";
import { limited, range } from "./page.ts";
import { HEAD_COLUMNS, recordOf, VERSION_COLUMNS, versionOf } from "./version-row.ts";
import { Writing } from "./writing.ts";

type Rows = ReturnType<Calls["run"]>;

/** The verbs on records: one statement each, but for writes, which are one transaction. */
export class Records {
  readonly #from: string;
  readonly #record: string;

  constructor(
    readonly calls: Calls,
    readonly room: Room,
  ) {
    const { names } = room;
    this.#record =
      `FROM ${names.table("collection")} AS c JOIN ${names.table("record")} AS r ON r.collection = c.id`;
    this.#from =
      `${this.#record} JOIN ${names.table("version")} AS v ON v.id = r.head ` +
      "WHERE c.space = ? AND c.name = ? AND r.deleted_at IS NULL";
  }

  async read(collection: string, key: string): Promise<StoredRecord | null> {
    const text = `SELECT STRAIGHT_JOIN ${HEAD_COLUMNS} ${this.#from} AND r.name = ?`;
    const [row] = await this.#run("read", text, collection, [Buffer.from(key)]);
    return row === undefined ? null : recordOf(row);
  }

  async scan(collection: string, page: Page): Promise<readonly StoredRecord[]> {
    const { lowest, highest, limit } = range(page);
    const text =
      `SELECT STRAIGHT_JOIN ${HEAD_COLUMNS} ${this.#from} AND r.name >= ? AND r.name <= ? ` +
      `ORDER BY r.name LIMIT ${limit}`;
    return (await this.#run("scan", text, collection, [lowest, highest])).map(recordOf);
  }

  async history(collection: string, key: string, page: HistoryPage): Promise<readonly StoredVersion[]> {
    let before: MysqlValue = Number.MAX_SAFE_INTEGER;
    if (page.after !== undefined) {
      const [row] = await this.#versions(collection, key, "AND v.revision = ?", Buffer.from(page.after), 1);
      if (row === undefined) return [];
      before = Number(row["id"]);
    }
    const rows = await this.#versions(collection, key, "AND v.id < ?", before, page.limit);
    return rows.map((row) => versionOf(key, row));
  }

  async version(collection: string, key: string, revision: string): Promise<StoredVersion | null> {
    const [row] = await this.#versions(collection, key, "AND v.revision = ?", Buffer.from(revision), 1);
    return row === undefined ? null : versionOf(key, row);
  }

  #versions(collection: string, key: string, and: string, value: MysqlValue, limit: number): Rows {
    const text =
      `SELECT STRAIGHT_JOIN v.id, ${VERSION_COLUMNS} ${this.#record} ` +
      `JOIN ${this.room.names.table("version")} AS v ON v.record = r.id ` +
      `WHERE c.space = ? AND c.name = ? AND r.name = ? ${and} ORDER BY v.id DESC LIMIT ${limited(limit)}`;
    return this.#run("history", text, collection, [Buffer.from(key), value]);
  }

  #run(operation: string, text: string, collection: string, values: readonly MysqlValue[]): Rows {
    return this.calls.run(operation, text, [this.room.space, Buffer.from(collection), ...values]);
  }

  write(writes: readonly Write[]): Promise<WriteOutcome> {
    if (writes.length === 0) return Promise.resolve({ kind: "written", records: [] });
    return this.calls.transaction("write", async (transaction) => {
      const outcome = await new Writing(this.room, transaction).run(writes);
      return { result: outcome, keep: outcome.kind === "written" };
    });
  }

  async find(collection: string, page: EntryPage): Promise<readonly FoundRecord[]> {
    const { value, key, highest } = entryRange(page);
    const { names } = this.room;
    const text =
      `SELECT STRAIGHT_JOIN ${HEAD_COLUMNS}, e.value AS found FROM ${names.table("collection")} AS c ` +
      `JOIN ${names.table("entry")} AS e ON e.collection = c.id ` +
      `JOIN ${names.table("record")} AS r ON r.collection = c.id AND r.name = e.name ` +
      `JOIN ${names.table("version")} AS v ON v.id = r.head ` +
      "WHERE c.space = ? AND c.name = ? AND e.field = ? AND r.deleted_at IS NULL AND e.value <= ? " +
      "AND (e.value > ? OR (e.value = ? AND e.name > ?)) " +
      `ORDER BY e.value, e.name LIMIT ${limited(page.limit)}`;
    const rows = await this.#run("find", text, collection, [fieldOf(page.name), highest, value, value, key]);
    return rows.map((row) => ({ record: recordOf(row), value: String(row["found"]) }));
  }
}
