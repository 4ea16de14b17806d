import type { Fence, Page, StoredRecord, Write, WriteOutcome } from "../../backend.ts";
import { pageOf, path } from "./names.ts";

interface KeptRecord {
  /** Null: deleted. What follows outlives the value. */
  value: string | null;
  revision: string;
  updatedAt: number;
  author: string | null;
  opId: string;
  /** Highest token seen per lock. */
  fences: Map<string, bigint>;
}

/** All collections of a store. */
export class MemoryRecords {
  readonly #collections = new Map<string, Map<string, KeptRecord>>();
  #revisions = 0;

  constructor(
    private readonly now: () => number,
    private readonly isOvertaken: (namespace: string, fence: Fence) => boolean,
  ) {}

  read(namespace: string, collection: string, key: string): StoredRecord | null {
    return record(key, this.#collection(namespace, collection).get(key));
  }

  scan(namespace: string, collection: string, page: Page): readonly StoredRecord[] {
    const records = this.#collection(namespace, collection);
    const found: StoredRecord[] = [];
    for (const key of pageOf([...records.keys()], page)) {
      if (found.length === page.limit) break;
      const live = record(key, records.get(key));
      if (live !== null) found.push(live);
    }
    return found;
  }

  write(namespace: string, writes: readonly Write[]): WriteOutcome {
    const now = this.now();
    const heads = writes.map(({ collection, key }) => this.#collection(namespace, collection).get(key));
    for (const [index, write] of writes.entries()) {
      const head = heads[index];
      if (head?.opId === write.opId) continue;
      if (this.#isStale(namespace, write, head)) return { kind: "stale", index };
      const current = record(write.key, head);
      if (write.ifRevision !== undefined && write.ifRevision !== (current?.revision ?? null)) {
        return { kind: "conflict", index, current };
      }
    }
    const records = writes.map((write, index): StoredRecord | null => {
      const head = heads[index];
      if (head?.opId === write.opId) return record(write.key, head);
      if (head === undefined && write.value === null) return null;
      const fences = head?.fences ?? new Map<string, bigint>();
      if (write.fence !== undefined && !write.fence.shared) {
        fences.set(write.fence.resource, write.fence.token);
      }
      const kept: KeptRecord = {
        value: write.value,
        revision: String(++this.#revisions),
        updatedAt: now,
        author: write.author ?? null,
        opId: write.opId,
        fences,
      };
      this.#collection(namespace, write.collection).set(write.key, kept);
      return record(write.key, kept);
    });
    return { kind: "written", records };
  }

  #isStale(namespace: string, { fence }: Write, head: KeptRecord | undefined): boolean {
    if (fence === undefined) return false;
    if (this.isOvertaken(namespace, fence)) return true;
    return !fence.shared && (head?.fences.get(fence.resource) ?? 0n) > fence.token;
  }

  #collection(namespace: string, collection: string): Map<string, KeptRecord> {
    const name = path(namespace, collection);
    let records = this.#collections.get(name);
    if (records === undefined) this.#collections.set(name, (records = new Map()));
    return records;
  }
}

function record(key: string, kept: KeptRecord | undefined): StoredRecord | null {
  if (kept === undefined || kept.value === null) return null;
  const { value, revision, updatedAt, author } = kept;
  return { key, value, revision, updatedAt, author };
}
