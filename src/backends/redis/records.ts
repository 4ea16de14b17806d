import type { Page, StoredRecord, Write, WriteOutcome } from "../../backend.ts";
import { BackendError } from "../../errors.ts";
import { tagged, type Keys } from "./keys.ts";
import { millis } from "./locks.ts";
import type { RECORD_SCRIPTS } from "./record-scripts.ts";
import type { Scripts } from "./scripts.ts";
import { crc16 } from "./slot.ts";

export type RecordScripts = Scripts<keyof typeof RECORD_SCRIPTS>;

/**
 * In a cluster a collection is spread over so many slots; elsewhere one step may touch any keys.
 */
const CLUSTER_BUCKETS = 16;

/** The verbs on records. */
export class Records {
  readonly #scripts: RecordScripts;
  readonly #keys: Keys;
  readonly #now: () => string;
  readonly #read: (key: string) => Promise<unknown>;
  readonly #isCluster: boolean;

  constructor(
    scripts: RecordScripts,
    keys: Keys,
    now: () => string,
    read: (key: string) => Promise<unknown>,
    isCluster: boolean,
  ) {
    this.#scripts = scripts;
    this.#keys = keys;
    this.#now = now;
    this.#read = read;
    this.#isCluster = isCluster;
  }

  async read(collection: string, key: string): Promise<StoredRecord | null> {
    const text = await this.#read(recordKey(this.#bucket(collection, key), key));
    return parse(key, text);
  }

  async write(writes: readonly Write[]): Promise<WriteOutcome> {
    const buckets = writes.map(({ collection, key }) => this.#bucket(collection, key));
    if (this.#isCluster && buckets.some((bucket) => bucket !== buckets[0])) {
      throw new BackendError("redis", "write", "not-applied", {
        detail:
          "the records lie in different slots of the cluster, which no step can span; write them " +
          "one by one, or use a server that is not a cluster",
      });
    }
    const command = ["", "", ""];
    writes.forEach((write, index) => {
      const bucket = buckets[index]!;
      command.push(recordKey(bucket, write.key), `${bucket}index`, `${bucket}revision`);
      // Any key does where there is no fence: it is not looked at.
      if (!this.#isCluster) command.push(this.#keys.lock(write.fence?.resource ?? ""));
    });
    command[2] = String(command.length - 3);
    command.push(this.#now(), this.#isCluster ? "3" : "4");
    for (const write of writes) command.push(...argumentsOf(write));
    return outcome(writes, (await this.#scripts.run("write", command)) as readonly unknown[]);
  }

  async scan(collection: string, page: Page): Promise<readonly StoredRecord[]> {
    const { prefix = "", after, limit } = page;
    const isLater = after !== undefined && Buffer.from(after).compare(Buffer.from(prefix)) >= 0;
    const lowest = isLater ? `(${after}` : `[${prefix}`;
    const most = String(Math.min(limit, LIMIT_MAX));
    const pages = await Promise.all(
      this.#buckets(collection).map((bucket) =>
        this.#scripts.run(
          "scan",
          ["", "", "1", `${bucket}index`, `${bucket}v:`, lowest, prefix, most],
        ),
      ),
    );
    const found = pages.flatMap((part) => entries(part as readonly string[]));
    if (pages.length > 1) found.sort((a, b) => a.bytes.compare(b.bytes));
    return found.slice(0, limit).map(({ record }) => record);
  }

  #bucket(collection: string, key: string): string {
    return this.#keys.bucket(collection, this.#isCluster ? crc16(key) % CLUSTER_BUCKETS : 0);
  }

  #buckets(collection: string): readonly string[] {
    const count = this.#isCluster ? CLUSTER_BUCKETS : 1;
    return Array.from({ length: count }, (_, bucket) => this.#keys.bucket(collection, bucket));
  }
}

/** What Redis takes for a limit. */
const LIMIT_MAX = 2 ** 31;

const recordKey = (bucket: string, key: string): string => `${bucket}v:${key}`;

function argumentsOf({ key, value, ifRevision, opId, author, fence }: Write): readonly string[] {
  let flags = "";
  if (value === null) flags += "d";
  if (ifRevision === null) flags += "n";
  else if (ifRevision !== undefined) flags += "r";
  if (author !== undefined) flags += "a";
  if (fence !== undefined) flags += fence.shared ? "fs" : "f";
  return [
    key,
    flags,
    value ?? "",
    ifRevision ?? "",
    opId,
    author ?? "",
    tagged(fence?.resource ?? ""),
    String(fence?.token ?? 0n).padStart(20, "0"),
    String((fence?.token ?? 0n) / 1024n),
  ];
}

function outcome(writes: readonly Write[], [kind, ...rest]: readonly unknown[]): WriteOutcome {
  if (Number(kind) === 3) return { kind: "stale", index: Number(rest[0]) };
  if (Number(kind) === 2) {
    const index = Number(rest[0]);
    return { kind: "conflict", index, current: parse(writes[index]!.key, rest[1]) };
  }
  const updatedAt = millis(Number(rest[0]));
  const records = writes.map(({ key, value, author }, index): StoredRecord | null => {
    const became = rest[index + 1];
    if (Array.isArray(became)) return parse(key, became[0]);
    if (value === null) return null;
    return { key, value, revision: String(became), updatedAt, author: author ?? null };
  });
  return { kind: "written", records };
}

/** The form is described in record-scripts.ts. */
function parse(key: string, text: unknown): StoredRecord | null {
  if (typeof text !== "string") return null;
  const end = text.indexOf("\n");
  if (end < 0) return null;
  const header = JSON.parse(text.slice(0, end)) as [string, number, string | null];
  const [revision, updatedAt, author] = header;
  return { key, value: text.slice(end + 1), revision, updatedAt, author };
}

interface Entry {
  readonly bytes: Buffer;
  readonly record: StoredRecord;
}

function entries(page: readonly string[]): Entry[] {
  const found: Entry[] = [];
  for (let at = 0; at < page.length; at += 2) {
    const name = page[at]!;
    const record = parse(name, page[at + 1]);
    if (record !== null) found.push({ bytes: Buffer.from(name), record });
  }
  return found;
}
