import type { SqliteDatabase, SqliteStatement } from "./driver.ts";
import { stored } from "./names.ts";

/** The table of collections, of one namespace. Nobody deletes a row, so what was committed once is known. */
export class Collections {
  readonly #known = new Map<string, number>();
  readonly #namespace: string;
  readonly #select: SqliteStatement;
  readonly #insert: SqliteStatement;
  readonly #prunedTo: SqliteStatement;
  readonly #prune: SqliteStatement;

  constructor(database: SqliteDatabase, namespace: string) {
    this.#namespace = stored(namespace);
    this.#select = database.prepare("SELECT id FROM holdfast_collection WHERE namespace = ? AND name = ?");
    this.#insert = database.prepare(
      "INSERT INTO holdfast_collection (namespace, name) VALUES (?, ?) RETURNING id",
    );
    this.#prunedTo = database.prepare("SELECT pruned_to FROM holdfast_collection WHERE id = ?");
    this.#prune = database.prepare(
      "UPDATE holdfast_collection SET pruned_to = max(pruned_to, ?) WHERE id = ?",
    );
  }

  /** Without a look at the database. */
  known(name: string): number | undefined {
    return this.#known.get(name);
  }

  /** Not to be called in a transaction, which may be undone. */
  find(name: string): number | undefined {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const id = this.#idOf(name);
    if (id !== undefined) this.#known.set(name, id);
    return id;
  }

  /** Inside a transaction of its own. */
  make(name: string): void {
    if (this.#idOf(name) === undefined) this.#insert.get(this.#namespace, stored(name));
  }

  /** Highest place of the feed that has been pruned. */
  prunedTo(id: number): number {
    return (this.#prunedTo.get(id) as { readonly pruned_to: number }).pruned_to;
  }

  pruned(id: number, place: number): void {
    this.#prune.run(place, id);
  }

  #idOf(name: string): number | undefined {
    const row = this.#select.get(this.#namespace, stored(name)) as { readonly id: number } | undefined;
    return row?.id;
  }
}
