import type { StoredRecord, Write, WriteOutcome } from "../../backend.ts";

interface Head {
  readonly value: string | null;
  readonly revision: string;
  readonly updatedAt: number;
  readonly author: string | null;
  readonly opId: string;
  readonly seen: ReadonlyMap<string, bigint>;
}

const visible = (key: string, head: Head | undefined): StoredRecord | null =>
  head === undefined || head.value === null
    ? null
    : {
        key,
        value: head.value,
        revision: head.revision,
        updatedAt: head.updatedAt,
        author: head.author,
      };

/** Records as the contract in `backend.ts` has them. A record's revisions are named `<key>#1`, `<key>#2` … */
export class RecordModel {
  /** The store's clock, ms since 1970. */
  now = 0;
  readonly #heads = new Map<string, Head>();

  constructor(
    /** Whether the store itself says that a token is stale. */
    private readonly fencesOff: (resource: string, storeToken: number) => boolean,
  ) {}

  read(key: string): StoredRecord | null {
    return visible(key, this.#heads.get(key));
  }

  scan(): readonly StoredRecord[] {
    const records = [...this.#heads].map(([key, head]) => visible(key, head));
    return records
      .filter((record) => record !== null)
      .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  }

  write(writes: readonly Write[]): WriteOutcome {
    for (const [index, write] of writes.entries()) {
      const head = this.#heads.get(write.key);
      if (head?.opId === write.opId) continue;
      if (this.#isStale(write, head)) return { kind: "stale", index };
      const current = visible(write.key, head);
      if (write.ifRevision !== undefined && write.ifRevision !== (current?.revision ?? null)) {
        return { kind: "conflict", index, current };
      }
    }
    for (const write of writes) this.#apply(write);
    return { kind: "written", records: writes.map(({ key }) => this.read(key)) };
  }

  #isStale({ fence }: Write, head: Head | undefined): boolean {
    if (fence === undefined) return false;
    if (this.fencesOff(fence.resource, Number(fence.token >> 10n))) return true;
    const seen = head?.seen.get(fence.resource);
    return !fence.shared && seen !== undefined && seen > fence.token;
  }

  #apply({ key, value, opId, author, fence }: Write): void {
    const head = this.#heads.get(key);
    if (head?.opId === opId || (head === undefined && value === null)) return;
    const seen = new Map(head?.seen);
    if (fence !== undefined && !fence.shared) seen.set(fence.resource, fence.token);
    const revision = `${key}#${Number(head?.revision.split("#").at(-1) ?? 0) + 1}`;
    this.#heads.set(key, {
      value,
      revision,
      updatedAt: this.now,
      author: author ?? null,
      opId,
      seen,
    });
  }
}
