import type { Page, StoredRecord, Write, WriteOutcome } from "../../backend.ts";
import type { Calls, Row } from "./calls.ts";
import type { Room } from "./locks.ts";
import { inOrder, packed, type Part } from "./pack.ts";
import { range } from "./page.ts";
import { WRITE_WIDTHS as WIDTHS } from "./record-procedures.ts";

const COLUMNS = "r.name, r.value, r.revision, r.updated_at, r.author";

/** The verbs on records: one statement each. */
export class Records {
  readonly #from: string;

  constructor(
    readonly calls: Calls,
    readonly room: Room,
  ) {
    this.#from = `FROM ${room.names.table("record")} AS r WHERE r.space = ? AND r.collection = ?`;
  }

  async read(collection: string, key: string): Promise<StoredRecord | null> {
    const text = `SELECT ${COLUMNS} ${this.#from} AND r.name = ? AND r.value IS NOT NULL`;
    const values = [this.room.space, Buffer.from(collection), Buffer.from(key)];
    const [row] = await this.calls.run("read", text, values);
    return row === undefined ? null : recordOf(row);
  }

  async scan(collection: string, page: Page): Promise<readonly StoredRecord[]> {
    const { lowest, highest, limit } = range(page);
    const text =
      `SELECT ${COLUMNS} ${this.#from} AND r.name >= ? AND r.name <= ? AND r.value IS NOT NULL ` +
      `ORDER BY r.name LIMIT ${limit}`;
    const values = [this.room.space, Buffer.from(collection), lowest, highest];
    return (await this.calls.run("scan", text, values)).map(recordOf);
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

function recordOf({ name, value, revision, updated_at, author }: Row): StoredRecord {
  return {
    key: String(name),
    value: String(value),
    revision: String(revision),
    updatedAt: Number(updated_at),
    author: author === null ? null : String(author),
  };
}
