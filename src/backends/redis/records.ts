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
import { BackendError } from "../../errors.ts";
import { recordKey, type Buckets } from "./buckets.ts";
import { entryOf, entryText, indexed, rangeAfter, rangeOf, type Range } from "./entry-text.ts";
import type { Keys } from "./keys.ts";
import type { RECORD_SCRIPTS } from "./record-scripts.ts";
import { detailsOf, recordOf, versionOf } from "./record-text.ts";
import type { Scripts } from "./scripts.ts";

export type RecordScripts = Scripts<keyof typeof RECORD_SCRIPTS>;

/** What Redis takes for a limit. */
const LIMIT_MAX = 2 ** 31;
/** Versions in one call, so that no other call waits long. */
const HISTORY_MAX = 1_000;

/** The verbs on records, but for those of the feed. */
export class Records {
  readonly #scripts: RecordScripts;
  readonly #keys: Keys;
  readonly #buckets: Buckets;
  readonly #now: () => string;
  readonly #send: (command: readonly [verb: string, key: string, ...string[]]) => Promise<unknown>;

  constructor(
    scripts: RecordScripts,
    keys: Keys,
    buckets: Buckets,
    now: () => string,
    send: (command: readonly [verb: string, key: string, ...string[]]) => Promise<unknown>,
  ) {
    this.#scripts = scripts;
    this.#keys = keys;
    this.#buckets = buckets;
    this.#now = now;
    this.#send = send;
  }

  async read(collection: string, key: string): Promise<StoredRecord | null> {
    return recordOf(key, await this.#send(["HGET", this.#record(collection, key), "h"]));
  }

  async write(writes: readonly Write[]): Promise<WriteOutcome> {
    const { isCluster } = this.#buckets;
    const buckets = writes.map(({ collection, key }) => this.#buckets.of(collection, key));
    if (isCluster) refuseWhatNoStepCanSee(writes, buckets);
    const looksAtLocks = !isCluster && writes.some(({ fence }) => fence !== undefined);
    const command = ["", "", ""];
    writes.forEach(({ key, fence }, index) => {
      const bucket = buckets[index]!;
      command.push(recordKey(bucket, key), `${bucket}feed`, `${bucket}index`);
      // Any key does where there is no fence: it is not looked at.
      if (looksAtLocks) command.push(this.#keys.lock(fence?.resource ?? ""));
    });
    command[2] = String(command.length - 3);
    command.push(this.#now(), looksAtLocks ? "4" : "3");
    for (const write of writes) pushArguments(command, write);
    return outcome(writes, (await this.#scripts.run("write", command)) as readonly unknown[]);
  }

  async scan(collection: string, { prefix = "", after, limit }: Page): Promise<readonly StoredRecord[]> {
    const range = rangeAfter(prefix, after);
    const found = await this.#page("scan", collection, range, limit, (key) => ({ value: "", key }));
    return found.map(({ record }) => record);
  }

  find(collection: string, page: EntryPage): Promise<readonly FoundRecord[]> {
    return this.#page("find", collection, rangeOf(page), page.limit, indexed);
  }

  async history(
    collection: string,
    key: string,
    { after, limit }: HistoryPage,
  ): Promise<readonly StoredVersion[]> {
    const record = this.#record(collection, key);
    const found: StoredVersion[] = [];
    while (found.length < limit) {
      const from = found.at(-1)?.revision ?? after;
      const most = Math.min(HISTORY_MAX, limit - found.length);
      const command = ["", "", "1", record, from === undefined ? "" : JSON.stringify(from), String(most)];
      const texts = (await this.#scripts.run("history", command)) as readonly string[];
      for (const text of texts) found.push(versionOf(key, text));
      if (texts.length < most) break;
    }
    return found;
  }

  async version(collection: string, key: string, revision: string): Promise<StoredVersion | null> {
    const fields = ["h", `r${JSON.stringify(revision)}`] as const;
    const reply = await this.#send(["HMGET", this.#record(collection, key), ...fields]);
    const texts = reply as readonly (string | null)[];
    const versions = texts.map((text) => text && versionOf(key, text));
    return versions.find((version) => version && version.revision === revision) || null;
  }

  /** Of each bucket a page, in order and merged. */
  async #page(
    script: "scan" | "find",
    collection: string,
    { from, prefix }: Range,
    limit: number,
    positionOf: (member: string) => { readonly value: string; readonly key: string },
  ): Promise<readonly FoundRecord[]> {
    const index = script === "scan" ? "index" : "entries";
    const most = String(Math.min(limit, LIMIT_MAX));
    const pages = await Promise.all(
      this.#buckets.all(collection).map(async (bucket) => {
        const command = ["", "", "1", bucket + index, recordKey(bucket, ""), from, prefix, most];
        return (await this.#scripts.run(script, command)) as readonly string[];
      }),
    );
    const found: { readonly order: Buffer; readonly found: FoundRecord }[] = [];
    for (const page of pages) {
      for (let at = 0; at < page.length; at += 2) {
        const { value, key } = positionOf(page[at]!);
        const record = recordOf(key, page[at + 1]);
        if (record !== null) found.push({ order: Buffer.from(page[at]!), found: { record, value } });
      }
    }
    if (pages.length > 1) found.sort((a, b) => a.order.compare(b.order));
    return found.slice(0, limit).map((each) => each.found);
  }

  #record(collection: string, key: string): string {
    return recordKey(this.#buckets.of(collection, key), key);
  }
}

/** @throws BackendError: nothing was written, and what to do instead. */
function refuseWhatNoStepCanSee(writes: readonly Write[], buckets: readonly string[]): void {
  const refuse = (detail: string): never => {
    throw new BackendError("redis", "write", "not-applied", { detail });
  };
  if (buckets.some((bucket) => bucket !== buckets[0])) {
    refuse(
      "the records lie in different slots of the cluster, which no step can span; write them " +
        "one by one, or use a server that is not a cluster",
    );
  }
  for (const { collection, key, value, entries = [] } of writes) {
    const unique = entries.find((entry) => entry.unique);
    if (value === null || unique === undefined) continue;
    refuse(
      `"${unique.name}" is declared unique in "${collection}", but its records lie in different slots of ` +
        `the cluster, and no step can see whether another than "${key}" has it; use a server that is not ` +
        "a cluster, or keep a record whose key is the value, first written where it must not exist",
    );
  }
}

/** In the order that write-lua.ts describes. */
function pushArguments(command: string[], write: Write): void {
  const { key, ifRevision, fence, entries, earlier } = write;
  let flags = "";
  if (ifRevision === null) flags += "n";
  else if (ifRevision !== undefined) flags += "r";
  if (fence !== undefined) flags += fence.shared ? "fs" : "f";
  if (entries !== undefined) flags += "e";
  const steps: readonly Step[] = earlier === undefined ? [write] : [...earlier, write];
  let kinds = "";
  for (const { value } of steps) kinds += value === null ? "d" : "v";
  command.push(flags, kinds, key, JSON.stringify(ifRevision ?? ""));
  if (fence !== undefined) {
    const { resource, token } = fence;
    command.push(resource, String(token).padStart(20, "0"), String(token / 1024n));
  }
  if (entries !== undefined) command.push(String(entries.length), ...entries.map(entryText));
  for (const step of steps) {
    command.push(JSON.stringify(step.opId), JSON.stringify(step.revision), detailsOf(step));
    command.push(step.value ?? "");
  }
}

function outcome(writes: readonly Write[], [kind, ...rest]: readonly unknown[]): WriteOutcome {
  const index = Number(rest[0]);
  const key = writes[index]?.key ?? "";
  switch (Number(kind)) {
    case 2:
      return { kind: "conflict", index, current: recordOf(key, rest[1]) };
    case 3:
      return { kind: "stale", index };
    case 4: {
      const versions = (rest[1] as readonly string[]).map((text) => versionOf(key, text));
      return { kind: "repeated", index, versions };
    }
    case 5:
      return { kind: "taken", index, entry: entryOf(String(rest[1])), key: String(rest[2]) };
    default:
      return { kind: "written", records: writes.map((write, at) => recordFrom(write, rest[at])) };
  }
}

function recordFrom({ key, value, revision, author }: Write, became: unknown): StoredRecord | null {
  if (typeof became === "string") return recordOf(key, became);
  if (value === null) return null;
  return { key, value, revision, updatedAt: Number(became), author: author ?? null };
}
