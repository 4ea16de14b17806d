import type { SqliteDatabase, SqliteStatement } from "./driver.ts";
import { stored } from "./names.ts";

export interface CollectionRow {
  readonly id: number;
  /** Highest place of the feed that has been pruned. */
  readonly pruned_to: number;
}

/** The table of collections, of one namespace. */
export class Collections {
  readonly #namespace: string;
  readonly #select: SqliteStatement;
  readonly #insert: SqliteStatement;
  readonly #prune: SqliteStatement;

  constructor(database: SqliteDatabase, namespace: string) {
    this.#namespace = stored(namespace);
    this.#select = database.prepare(
      "SELECT id, pruned_to FROM holdfast_collection WHERE namespace = ? AND name = ?",
    );
    this.#insert = database.prepare(
      "INSERT INTO holdfast_collection (namespace, name) VALUES (?, ?) RETURNING id",
    );
    this.#prune = database.prepare(
      "UPDATE holdfast_collection SET pruned_to = max(pruned_to, ?) WHERE id = ?",
    );
  }

  find(name: string): CollectionRow | undefined {
    return this.#select.get(this.#namespace, stored(name)) as CollectionRow | undefined;
  }

  /** Inside a transaction. */
  make(name: string): number {
    const found = this.find(name);
    if (found !== undefined) return found.id;
    return (this.#insert.get(this.#namespace, stored(name)) as { readonly id: number }).id;
  }

  pruned(id: number, place: number): void {
    this.#prune.run(place, id);
  }
}
