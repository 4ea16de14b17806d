import type {
  EntryPage,
  FoundRecord,
  HistoryPage,
  Page,
  Step,
  StoredRecord,
  StoredVersion,
  Write,
  WriteOutcome,
} from "../../backend.ts";
import type { Calls } from "./calls.ts";
import { inOrder, type Room } from "./locks.ts";
import { restored, stored } from "./names.ts";
import { range } from "./page.ts";
import { parameters, statement, type Statement } from "./statement.ts";
import { liveOf, versionOf, type FlatVersion } from "./versions.ts";

/** What the function `write_all` answers. */
type Answer =
  | readonly [kind: 0, index: 0, results: readonly WriteResult[]]
  | readonly [kind: 3, index: number, current: FlatVersion | null]
  | readonly [kind: 4, index: number]
  | readonly [kind: 5, index: number, versions: readonly FlatVersion[]]
  | readonly [kind: 6, index: number, entry: readonly [string, string, boolean], key: string];

/** Made, nothing to delete, a replay. */
type WriteResult = readonly [0, number] | readonly [1] | readonly [2, FlatVersion];

/** The verbs on records: one statement each. */
export class Records {
  readonly #write: Statement;
  readonly #read: Statement;
  readonly #scan: Statement;
  readonly #find: Statement;
  readonly #history: Statement;
  readonly #version: Statement;

  constructor(
    readonly calls: Calls,
    readonly room: Room,
  ) {
    const { schema, space } = room;
    const which = `(SELECT c.id FROM ${schema}.collection AS c WHERE c.space = ${space} AND c.name = $1)`;
    const heads = `${schema}.record AS r JOIN ${schema}.version AS v ON v.record = r.id AND v.id = r.head`;
    const one = `(SELECT r.id FROM ${schema}.record AS r WHERE r.collection = ${which} AND r.key = $2)`;
    const live = `r.collection = ${which} AND r.deleted_at IS NULL`;
    const shown = `${schema}.shown_version(v)::text AS version`;
    this.#write = statement(`SELECT ${schema}.write_all(${parameters(20)}) AS answer`);
    this.#read = statement(`SELECT ${shown} FROM ${heads} WHERE ${live} AND r.key = $2`);
    this.#scan = statement(
      `SELECT ${shown} FROM ${heads} WHERE ${live} AND r.key >= $2 AND r.key <= $3 ORDER BY r.key LIMIT $4`,
    );
    this.#find = statement(
      `SELECT e.value AS found, ${shown} FROM ${schema}.entry AS e
       JOIN ${schema}.record AS r ON r.collection = e.collection AND r.key = e.key
       JOIN ${schema}.version AS v ON v.record = r.id AND v.id = r.head
       WHERE e.collection = ${which} AND e.name = $2 AND (e.value, e.key) > ($3, $4) AND e.value <= $5
       ORDER BY e.value, e.key LIMIT $6`,
    );
    this.#history = statement(
      `SELECT ${shown} FROM ${schema}.version AS v WHERE v.record = ${one} AND ($3::text IS NULL OR v.id < (
         SELECT max(a.id) FROM ${schema}.version AS a WHERE a.record = v.record AND a.revision = $3
       )) ORDER BY v.id DESC LIMIT $4`,
    );
    this.#version = statement(
      `SELECT ${shown} FROM ${schema}.version AS v WHERE v.record = ${one} AND v.revision = $3
       ORDER BY v.id DESC LIMIT 1`,
    );
  }

  async read(collection: string, key: string): Promise<StoredRecord | null> {
    const [flat] = await this.#versions("read", this.#read, [stored(collection), stored(key)]);
    return flat === undefined ? null : liveOf(flat);
  }

  async scan(collection: string, page: Page): Promise<readonly StoredRecord[]> {
    const { lowest, highest, limit } = range(page);
    const found = await this.#versions("scan", this.#scan, [stored(collection), lowest, highest, limit]);
    return found.map((flat) => liveOf(flat)!);
  }

  async find(collection: string, page: EntryPage): Promise<readonly FoundRecord[]> {
    const { name, equals, prefix = "", after, limit } = page;
    const values = range({ prefix: equals ?? prefix, limit });
    const isLater =
      after !== undefined && Buffer.compare(Buffer.from(after.value), Buffer.from(equals ?? prefix)) >= 0;
    const rows = await this.calls.run("find", {
      ...this.#find,
      values: [
        stored(collection),
        stored(name),
        // A record's key is not empty.
        ...(isLater ? [stored(after.value), stored(after.key)] : [values.lowest, ""]),
        equals === undefined ? values.highest : stored(equals),
        values.limit,
      ],
    });
    return rows.map((row) => {
      const record = liveOf(flatOf(row))!;
      return { record, value: restored(String(row["found"])) };
    });
  }

  async history(
    collection: string,
    key: string,
    { after, limit }: HistoryPage,
  ): Promise<readonly StoredVersion[]> {
    const from = after === undefined ? null : stored(after);
    const values = [stored(collection), stored(key), from, range({ limit }).limit];
    return (await this.#versions("history", this.#history, values)).map(versionOf);
  }

  async version(collection: string, key: string, revision: string): Promise<StoredVersion | null> {
    const values = [stored(collection), stored(key), stored(revision)];
    const [flat] = await this.#versions("version", this.#version, values);
    return flat === undefined ? null : versionOf(flat);
  }

  async write(writes: readonly Write[]): Promise<WriteOutcome> {
    if (writes.length === 0) return { kind: "written", records: [] };
    const values = [this.room.space, this.room.given(), ...writeParameters(writes)];
    const [row] = await this.calls.run("write", { ...this.#write, values });
    return outcomeOf(writes, JSON.parse(String(row?.["answer"])) as Answer);
  }

  async #versions(
    operation: string,
    of: Statement,
    values: readonly unknown[],
  ): Promise<readonly FlatVersion[]> {
    return (await this.calls.run(operation, { ...of, values })).map(flatOf);
  }
}

const flatOf = (row: Readonly<Record<string, unknown>>): FlatVersion =>
  JSON.parse(String(row["version"])) as FlatVersion;

const orNull = (text: string | undefined): string | null => (text === undefined ? null : stored(text));

function writeParameters(writes: readonly Write[]): readonly unknown[] {
  const fences = writes.map(({ fence }) => fence);
  const locks = fences.flatMap((fence) => (fence === undefined ? [] : [fence.resource]));
  const counts = writes.map(({ earlier = [] }) => earlier.length + 1);
  const steps = writes.flatMap((write): readonly Step[] => [...(write.earlier ?? []), write]);
  let last = 0;
  const lasts = counts.map((count) => (last += count));
  return [
    [...new Set(locks)].sort().map(stored),
    inOrder(writes, ({ collection, key }) => `${collection}\u0000${key}`).map((index) => index + 1),
    writes.map(({ collection }) => stored(collection)),
    writes.map(({ key }) => stored(key)),
    writes.map(({ ifRevision }) => conditionOf(ifRevision)),
    writes.map(({ entries }) => entriesOf(entries)),
    fences.map((fence) => orNull(fence?.resource)),
    fences.map((fence) => (fence === undefined ? null : String(fence.token))),
    fences.map((fence) => fence?.shared ?? false),
    lasts.map((at, index) => at + 1 - counts[index]!),
    lasts,
    steps.map(({ value }) => value),
    steps.map(({ revision }) => stored(revision)),
    steps.map(({ opId }) => stored(opId)),
    steps.map(({ author }) => orNull(author)),
    steps.map(({ reason }) => orNull(reason)),
    steps.map(({ merges = [] }) => (merges.length === 0 ? null : JSON.stringify(merges.map(stored)))),
    steps.map(({ messages }) => messages ?? null),
  ];
}

/** Null: any. Empty: there is none. */
const conditionOf = (ifRevision: string | null | undefined): string | null =>
  ifRevision === undefined ? null : ifRevision === null ? "" : `=${stored(ifRevision)}`;

/** Null: those it has. */
function entriesOf(entries: Write["entries"]): string | null {
  if (entries === undefined) return null;
  return JSON.stringify(entries.map(({ name, value, unique }) => [stored(name), stored(value), unique]));
}

function outcomeOf(writes: readonly Write[], answer: Answer): WriteOutcome {
  const [kind, index] = answer;
  switch (kind) {
    case 0:
      return { kind: "written", records: answer[2].map((result, at) => written(writes[at]!, result)) };
    case 3:
      return { kind: "conflict", index, current: answer[2] === null ? null : liveOf(answer[2]) };
    case 4:
      return { kind: "stale", index };
    case 5:
      return { kind: "repeated", index, versions: answer[2].map(versionOf) };
    case 6: {
      const [name, value, unique] = answer[2];
      const entry = { name: restored(name), value: restored(value), unique };
      return { kind: "taken", index, entry, key: restored(answer[3]) };
    }
  }
}

function written(write: Write, result: WriteResult): StoredRecord | null {
  const { key, value, revision, author } = write;
  if (result[0] === 2) return liveOf(result[1]);
  if (value === null || result[0] === 1) return null;
  return { key, value, revision, updatedAt: result[1], author: author ?? null };
}
