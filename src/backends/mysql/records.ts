import type { HistoryPage, Page, StoredRecord, StoredVersion, Write, WriteOutcome } from "../../backend.ts";
import type { Calls } from "./calls.ts";
import type { MysqlValue } from "./client.ts";
import type { Room } from "./locks.ts";
import { inOrder, packed, type Part } from "./pack.ts";
import { limited, range } from "./page.ts";
import { WRITE_WIDTHS as WIDTHS } from "./record-procedures.ts";
import { HEAD_COLUMNS, recordOf, VERSION_COLUMNS, versionOf } from "./version-row.ts";

type Rows = ReturnType<Calls["run"]>;

/** The verbs on records: one statement each. */
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

  async write(writes: readonly Write[]): Promise<WriteOutcome> {
    if (writes.length === 0) return { kind: "written", records: [] };
    const { names, space, given } = this.room;
    const each = writes.map((write) => packed([partsOf(write)]));
    const positions: number[] = [];
    let end = 1;
    for (const { length } of each) {
      positions.push(end);
      end += length;
    }
    const locks = writes.flatMap(({ fence }) => (fence === undefined ? [] : [fence.resource]));
    const values = [
      space,
      given(),
      packed([...new Set(locks)].sort().map(Buffer.from).map((lock) => [[lock.length, 5], lock])),
      packed(
        inOrder(writes, ({ collection, key }) => `${collection}\u0000${key}`).map((index): Part[] => [
          [positions[index]!, 10],
        ]),
      ),
      Buffer.concat(each),
    ];
    const text = `CALL ${names.procedure("write")}(${values.map(() => "?").join(", ")})`;
    const [row] = await this.calls.run("write", text, values);
    const answers = answersOf(row?.["answer"] as Buffer);
    const refused = Number(row?.["refused"]);
    if (refused < 0) {
      return { kind: "written", records: writes.map((write, index) => written(write, answers[index]!)) };
    }
    const [answer] = answers;
    if (answer === undefined || answer.kind === 4) return { kind: "stale", index: refused };
    return { kind: "conflict", index: refused, current: headOf(writes[refused]!.key, answer) };
  }
}

/** As the procedure reads it. */
function partsOf({ collection, key, value, ifRevision, opId, author, fence }: Write): readonly Part[] {
  const bytes = (text: string | null | undefined): Buffer => Buffer.from(text ?? "");
  const one = bytes(collection);
  const two = bytes(key);
  const condition = bytes(ifRevision);
  const op = bytes(opId);
  const by = bytes(author);
  const lock = bytes(fence?.resource);
  const content = bytes(value);
  return [
    [one.length, WIDTHS.collection],
    [two.length, WIDTHS.key],
    [ifRevision === undefined ? 0 : condition.length + 1, WIDTHS.condition],
    [op.length, WIDTHS.opId],
    [author === undefined ? 0 : by.length + 1, WIDTHS.author],
    [fence === undefined ? 0 : lock.length + 1, WIDTHS.fence],
    [value === null ? 0 : content.length + 1, WIDTHS.value],
    [fence?.token ?? 0, WIDTHS.token],
    [Number(fence?.shared ?? false), WIDTHS.shared],
    ...[one, two, condition, op, by, lock, content],
  ];
}

interface Answer {
  readonly kind: number;
  readonly revision: string;
  readonly updatedAt: number;
  readonly author: string | null;
  readonly value: string | null;
}

function answersOf(bytes: Buffer): readonly Answer[] {
  const answers: Answer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const number = (width: number): number => {
      at += width;
      return Number(bytes.toString("latin1", at - width, at));
    };
    const text = (lengthAndOne: number): string | null => {
      if (lengthAndOne === 0) return null;
      at += lengthAndOne - 1;
      return bytes.toString("utf8", at - lengthAndOne + 1, at);
    };
    const kind = number(1);
    const revision = String(number(16));
    const updatedAt = number(16);
    const authorLength = number(6);
    const valueLength = number(11);
    answers.push({ kind, revision, updatedAt, author: text(authorLength), value: text(valueLength) });
  }
  return answers;
}

function written({ key, value, author }: Write, answer: Answer): StoredRecord | null {
  if (answer.kind === 2) return headOf(key, answer);
  if (value === null) return null;
  const { revision, updatedAt } = answer;
  return { key, value, revision, updatedAt, author: author ?? null };
}

function headOf(key: string, { value, revision, updatedAt, author }: Answer): StoredRecord | null {
  return value === null ? null : { key, value, revision, updatedAt, author };
}
