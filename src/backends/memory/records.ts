import type {
  EntryPage,
  Fence,
  FoundRecord,
  Page,
  Step,
  StoredRecord,
  StoredVersion,
  Write,
  WriteOutcome,
} from "../../backend.ts";
import {
  emptyCollection,
  emptyRecord,
  headOf,
  live,
  setEntries,
  stored,
  type Collection,
  type KeptRecord,
} from "./collection.ts";
import { binaryOrder, pageOf, path } from "./names.ts";
import { takenEntry } from "./taken.ts";

/** All collections of a store. */
export class MemoryRecords {
  readonly #collections = new Map<string, Collection>();

  constructor(
    private readonly now: () => number,
    private readonly isOvertaken: (namespace: string, fence: Fence) => boolean,
  ) {}

  collection(namespace: string, name: string): Collection {
    const at = path(namespace, name);
    let collection = this.#collections.get(at);
    if (collection === undefined) this.#collections.set(at, (collection = emptyCollection()));
    return collection;
  }

  read(namespace: string, collection: string, key: string): StoredRecord | null {
    return live(headOf(this.#record(namespace, collection, key)));
  }

  scan(namespace: string, collection: string, page: Page): readonly StoredRecord[] {
    const { records } = this.collection(namespace, collection);
    const found: StoredRecord[] = [];
    for (const key of pageOf([...records.keys()], page)) {
      if (found.length === page.limit) break;
      const record = live(headOf(records.get(key)));
      if (record !== null) found.push(record);
    }
    return found;
  }

  find(namespace: string, collection: string, page: EntryPage): readonly FoundRecord[] {
    const { name, equals, prefix = "", after, limit } = page;
    const found: FoundRecord[] = [];
    for (const kept of this.collection(namespace, collection).records.values()) {
      const record = live(headOf(kept));
      if (record === null) continue;
      for (const { name: entry, value } of kept.entries) {
        const isWanted = entry === name && value.startsWith(prefix) && value === (equals ?? value);
        if (isWanted) found.push({ record, value });
      }
    }
    const order = (a: { value: string; key: string }, b: { value: string; key: string }): number =>
      binaryOrder(a.value, b.value) || binaryOrder(a.key, b.key);
    const position = ({ record, value }: FoundRecord): { value: string; key: string } => ({
      value,
      key: record.key,
    });
    return found
      .sort((a, b) => order(position(a), position(b)))
      .filter((each) => after === undefined || order(position(each), after) > 0)
      .slice(0, limit);
  }

  history(
    namespace: string,
    collection: string,
    key: string,
    { after, limit }: { readonly after?: string; readonly limit: number },
  ): readonly StoredVersion[] {
    const versions = this.#record(namespace, collection, key)?.versions ?? [];
    const end =
      after === undefined ? versions.length : versions.findIndex(({ revision }) => revision === after);
    return versions.slice(Math.max(0, end - limit), Math.max(0, end)).reverse().map(stored);
  }

  version(namespace: string, collection: string, key: string, wanted: string): StoredVersion | null {
    const found = this.#record(namespace, collection, key)?.versions.findLast(
      ({ revision }) => revision === wanted,
    );
    return found === undefined ? null : stored(found);
  }

  write(namespace: string, writes: readonly Write[]): WriteOutcome {
    const replays: (StoredVersion | undefined)[] = [];
    for (const [index, write] of writes.entries()) {
      const kept = this.#record(namespace, write.collection, write.key);
      const steps = stepsOf(write);
      const versions = steps.map(({ opId }) => kept?.made.get(opId)).filter((made) => made !== undefined);
      if (versions.length > 0 && versions.length < steps.length) return { kind: "repeated", index, versions };
      replays.push(versions.at(-1));
      if (versions.length > 0) continue;
      if (this.#isStale(namespace, write, kept)) return { kind: "stale", index };
      const current = live(headOf(kept));
      if (write.ifRevision !== undefined && write.ifRevision !== (current?.revision ?? null)) {
        return { kind: "conflict", index, current };
      }
    }
    const fresh = writes.map((write, index) => (replays[index] === undefined ? write : undefined));
    const taken = takenEntry(fresh, (name) => this.collection(namespace, name));
    if (taken !== undefined) return { kind: "taken", ...taken };
    const now = this.now();
    const records = writes.map((write, index): StoredRecord | null => {
      if (replays[index] !== undefined) return live(replays[index]);
      return this.#apply(this.collection(namespace, write.collection), write, now);
    });
    return { kind: "written", records };
  }

  #apply(collection: Collection, write: Write, now: number): StoredRecord | null {
    const { key, value, fence } = write;
    const kept = collection.records.get(key) ?? emptyRecord();
    if (value === null && write.earlier === undefined && live(headOf(kept)) === null) return null;
    collection.records.set(key, kept);
    for (const step of stepsOf(write)) {
      const before = headOf(kept);
      const version = {
        key,
        value: step.value,
        revision: step.revision,
        parents: [...(before === undefined ? [] : [before.revision]), ...(step.merges ?? [])],
        at: Math.max(now, before?.at ?? now),
        author: step.author ?? null,
        reason: step.reason ?? null,
        opId: step.opId,
        messages: step.messages ?? null,
        place: (collection.end += 1),
      };
      kept.versions.push(version);
      kept.made.set(step.opId, stored(version));
      collection.feed.push(version);
    }
    setEntries(collection, key, kept, value === null ? [] : (write.entries ?? kept.entries));
    if (fence !== undefined && !fence.shared) kept.fences.set(fence.resource, fence.token);
    for (const changed of collection.watchers) queueMicrotask(changed);
    return live(headOf(kept));
  }

  #isStale(namespace: string, { fence }: Write, kept: KeptRecord | undefined): boolean {
    if (fence === undefined) return false;
    if (this.isOvertaken(namespace, fence)) return true;
    return !fence.shared && (kept?.fences.get(fence.resource) ?? 0n) > fence.token;
  }

  #record(namespace: string, collection: string, key: string): KeptRecord | undefined {
    return this.collection(namespace, collection).records.get(key);
  }
}

const stepsOf = (write: Write): readonly Step[] => [...(write.earlier ?? []), write];
