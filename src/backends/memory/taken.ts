import type { Entry, Write } from "../../backend.ts";
import { claimOf, type Collection } from "./collection.ts";
import { path } from "./names.ts";

export interface Taken {
  readonly index: number;
  readonly entry: Entry;
  /** Of the record that has it. */
  readonly key: string;
}

/** The first unique entry that cannot be had, if all of these writes are to take effect together. */
export function takenEntry(
  writes: readonly (Write | undefined)[],
  collectionOf: (name: string) => Collection,
): Taken | undefined {
  const written = new Set(writes.map((write) => write && path(write.collection, write.key)));
  /** Unique entries that earlier writes of the call want, with the key of whoever wants them. */
  const wanted = new Map<string, string>();
  for (const [index, write] of writes.entries()) {
    if (write === undefined || write.value === null) continue;
    const { records, claims } = collectionOf(write.collection);
    for (const entry of write.entries ?? records.get(write.key)?.entries ?? []) {
      if (!entry.unique) continue;
      const claim = path(write.collection, claimOf(entry));
      const holder = claims.get(claimOf(entry));
      const isHeld = holder !== undefined && !written.has(path(write.collection, holder));
      const key = wanted.get(claim) ?? (isHeld ? holder : undefined);
      if (key !== undefined) return { index, entry, key };
      wanted.set(claim, write.key);
    }
  }
  return undefined;
}
