import type { StoredRecord, Write } from "../../backend.ts";

/**
 * Translates between a program's names for a record's revisions and the store's opaque ones: each gets its
 * partner when the store first shows it, and keeps it.
 */
export class Revisions {
  readonly #symbolOf = new Map<string, string>();
  readonly #revisionOf = new Map<string, string>();

  /** The write as the store is to see it. A revision that no answer ever showed is none that is there. */
  translate(write: Write): Write {
    if (typeof write.ifRevision !== "string") return write;
    return { ...write, ifRevision: this.#revisionOf.get(write.ifRevision) ?? "never shown" };
  }

  /** The store's record in the program's words. `symbol`: the revision's name if it is a new one. */
  name(record: StoredRecord, symbol: string | undefined): StoredRecord {
    const shown = `${record.key}\n${record.revision}`;
    if (symbol !== undefined && !this.#symbolOf.has(shown) && !this.#revisionOf.has(symbol)) {
      this.#symbolOf.set(shown, symbol);
      this.#revisionOf.set(symbol, record.revision);
    }
    return { ...record, revision: this.#symbolOf.get(shown) ?? "a revision from elsewhere" };
  }
}
