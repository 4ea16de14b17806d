import type {
  Entry,
  EntryPage,
  FeedPage,
  FoundRecord,
  PruneRequest,
  Step,
  StoredRecord,
  StoredVersion,
  Write,
  WriteOutcome,
} from "../../backend.ts";

/** What is kept of one record. */
interface Chain {
  /** Oldest first; the last one is the head. */
  readonly versions: readonly StoredVersion[];
  readonly entries: readonly Entry[];
  readonly seen: ReadonlyMap<string, bigint>;
}

const NOTHING: Chain = { versions: [], entries: [], seen: new Map() };

/**
 * Records as the contract in `backend.ts` has them, of one collection. Written for clarity, not for speed.
 */
export class RecordModel {
  /** The store's clock, ms since 1970. */
  now = 0;
  #chains = new Map<string, Chain>();
  /** All versions ever made, in order; `undefined` where one has been pruned. */
  readonly #feed: (StoredVersion | undefined)[] = [];
  /** How much of the feed each reader has seen. */
  readonly #readers = new Map<number, number>();

  constructor(
    /** Whether the store itself says that a token is stale. */
    private readonly fencesOff: (resource: string, storeToken: number) => boolean,
  ) {}

  read(key: string): StoredRecord | null {
    return visible(this.#chain(key).versions.at(-1));
  }

  scan(): readonly StoredRecord[] {
    const records = [...this.#chains.keys()].map((key) => this.read(key));
    return records.filter((record) => record !== null).sort((a, b) => binary(a.key, b.key));
  }

  find({ name, equals, prefix, after, limit }: EntryPage): readonly FoundRecord[] {
    return this.scan()
      .flatMap((record) =>
        this.#chain(record.key)
          .entries.filter((entry) => entry.name === name)
          .map(({ value }): FoundRecord => ({ record, value })),
      )
      .filter(({ value }) => (equals === undefined || value === equals) && value.startsWith(prefix ?? ""))
      .sort((a, b) => binary(a.value, b.value) || binary(a.record.key, b.record.key))
      .filter(({ value, record }) => {
        if (after === undefined) return true;
        return (binary(value, after.value) || binary(record.key, after.key)) > 0;
      })
      .slice(0, limit);
  }

  history(
    key: string,
    { after, limit }: { readonly after?: string; readonly limit: number },
  ): readonly StoredVersion[] {
    const newestFirst = [...this.#chain(key).versions].reverse();
    if (after === undefined) return newestFirst.slice(0, limit);
    const at = newestFirst.findIndex(({ revision }) => revision === after);
    return at < 0 ? [] : newestFirst.slice(at + 1, at + 1 + limit);
  }

  version(key: string, revision: string): StoredVersion | null {
    return this.#chain(key).versions.find((version) => version.revision === revision) ?? null;
  }

  /** Without positions: the model's are of no use to a store. */
  changes(reader: number, limit: number): Omit<FeedPage, "position"> {
    const seen = this.#readers.get(reader) ?? 0;
    if (this.#feed.slice(seen).includes(undefined)) {
      this.#readers.set(reader, this.#feed.length);
      return { kind: "reset" };
    }
    const versions = this.#feed.slice(seen, seen + limit);
    this.#readers.set(reader, seen + versions.length);
    return { kind: "page", versions, more: this.#feed.length > seen + limit } as Omit<FeedPage, "position">;
  }

  /** All that may go, goes. */
  prune({ before, keep }: Pick<PruneRequest, "before" | "keep">, readers: readonly number[]): number {
    const upTo = Math.min(...readers.map((reader) => this.#readers.get(reader) ?? Infinity));
    const mayGo = (version: StoredVersion): boolean =>
      version.at < before && this.#feed.indexOf(version) < upTo;
    let went = 0;
    for (const [key, chain] of this.#chains) {
      const head = chain.versions.at(-1)!;
      const most = head.value === null && mayGo(head) ? Infinity : chain.versions.length - keep;
      const staying = chain.versions.findIndex((version, at) => at >= most || !mayGo(version));
      const going = chain.versions.slice(0, staying < 0 ? undefined : staying);
      for (const version of going) this.#feed[this.#feed.indexOf(version)] = undefined;
      went += going.length;
      const versions = chain.versions.slice(going.length);
      if (versions.length === 0) this.#chains.delete(key);
      else this.#chains.set(key, { ...chain, versions });
    }
    return went;
  }

  write(writes: readonly Write[]): WriteOutcome {
    const replays = new Map<Write, StoredVersion>();
    for (const [index, write] of writes.entries()) {
      const { versions } = this.#chain(write.key);
      const steps = stepsOf(write);
      const known = steps
        .map(({ opId }) => versions.find((version) => version.opId === opId))
        .filter((version) => version !== undefined);
      if (known.length === steps.length) {
        replays.set(write, known.at(-1)!);
        continue;
      }
      if (known.length > 0) return { kind: "repeated", index, versions: known };
      if (this.#isStale(write)) return { kind: "stale", index };
      const current = this.read(write.key);
      if (write.ifRevision !== undefined && write.ifRevision !== (current?.revision ?? null)) {
        return { kind: "conflict", index, current };
      }
    }
    const after = new Map(this.#chains);
    for (const write of writes) if (!replays.has(write)) after.set(write.key, this.#applied(write));
    const taken = this.#firstTaken(writes, replays, after);
    if (taken !== undefined) return taken;
    for (const write of writes) {
      if (replays.has(write)) continue;
      const chain = after.get(write.key) ?? NOTHING;
      this.#feed.push(...chain.versions.slice(this.#chain(write.key).versions.length));
      if (chain.versions.length > 0) this.#chains.set(write.key, chain);
    }
    return {
      kind: "written",
      records: writes.map((write) => visible(replays.get(write) ?? this.#chain(write.key).versions.at(-1))),
    };
  }

  /** Two live records with the same unique entry, one of which is to be written. */
  #firstTaken(
    writes: readonly Write[],
    replays: ReadonlyMap<Write, StoredVersion>,
    after: ReadonlyMap<string, Chain>,
  ): WriteOutcome | undefined {
    for (const [index, { key }] of writes.entries()) {
      if (replays.has(writes[index]!)) continue;
      const laterKeys = writes
        .slice(index + 1)
        .filter((write) => !replays.has(write))
        .map((write) => write.key);
      for (const entry of after.get(key)?.entries ?? []) {
        for (const [other, { entries }] of after) {
          if (other === key || laterKeys.includes(other) || !entry.unique) continue;
          const same = entries.some(
            (each) => each.unique && each.name === entry.name && each.value === entry.value,
          );
          if (same) return { kind: "taken", index, entry, key: other };
        }
      }
    }
    return undefined;
  }

  #isStale({ key, fence }: Write): boolean {
    if (fence === undefined) return false;
    if (this.fencesOff(fence.resource, Number(fence.token >> 10n))) return true;
    const seen = this.#chain(key).seen.get(fence.resource);
    return !fence.shared && seen !== undefined && seen > fence.token;
  }

  #applied(write: Write): Chain {
    const chain = this.#chain(write.key);
    const steps = stepsOf(write);
    if (steps.length === 1 && write.value === null && this.read(write.key) === null) return chain;
    const versions = [...chain.versions];
    for (const { value, revision, opId, author, reason, messages, merges } of steps) {
      const before = versions.at(-1);
      versions.push({
        key: write.key,
        value,
        revision,
        parents: [...(before === undefined ? [] : [before.revision]), ...(merges ?? [])],
        at: Math.max(this.now, before?.at ?? 0),
        author: author ?? null,
        reason: reason ?? null,
        opId,
        messages: messages ?? null,
      });
    }
    const { fence } = write;
    const seen = new Map(chain.seen);
    if (fence !== undefined && !fence.shared) seen.set(fence.resource, fence.token);
    return { versions, seen, entries: write.value === null ? [] : (write.entries ?? chain.entries) };
  }

  #chain(key: string): Chain {
    return this.#chains.get(key) ?? NOTHING;
  }
}

const stepsOf = (write: Write): readonly Step[] => [...(write.earlier ?? []), write];

const binary = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

function visible(version: StoredVersion | undefined): StoredRecord | null {
  if (version === undefined || version.value === null) return null;
  const { key, value, revision, at, author } = version;
  return { key, value, revision, updatedAt: at, author };
}
