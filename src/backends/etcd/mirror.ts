import type { Kept } from "./place.ts";
import { queueOf, type Queue } from "./queue.ts";

/** Something happened to a place's key. */
export interface Change {
  readonly revision: number;
  readonly key: string;
  /** Undefined: it was deleted. */
  readonly kept: Kept | undefined;
}

/**
 * The places of one resource as this process knows them: as it read them, and what the watch has told since.
 * Replies and watch overtake each other, so what comes before the first reading is kept until then.
 */
export class Mirror {
  readonly #places = new Map<string, Kept>();
  readonly #early: Change[] = [];
  /** Of the last reading. */
  #readAt = 0;
  /** Of the last that is known. */
  #revision = 0;
  #queue: Queue | undefined;

  get isRead(): boolean {
    return this.#readAt > 0;
  }

  get revision(): number {
    return this.#revision;
  }

  get queue(): Queue {
    return (this.#queue ??= queueOf(this.#places.values()));
  }

  find(key: string): Kept | undefined {
    return this.#places.get(key);
  }

  /** All there was at a revision. False: the watch should have told, and has not. */
  read(revision: number, places: readonly Kept[]): boolean {
    if (revision < this.#revision) return true;
    const isExpected =
      !this.isRead ||
      (places.length === this.#places.size &&
        places.every(({ key, modRevision }) => this.#places.get(key)?.modRevision === modRevision));
    this.#places.clear();
    for (const kept of places) this.#places.set(kept.key, kept);
    this.#readAt = this.#revision = revision;
    this.#queue = undefined;
    for (const change of this.#early.splice(0)) this.apply(change);
    return isExpected;
  }

  apply(change: Change): void {
    if (!this.isRead) return void this.#early.push(change);
    if (change.revision <= this.#readAt) return;
    if (change.kept === undefined) this.#places.delete(change.key);
    else this.#places.set(change.key, change.kept);
    this.#revision = change.revision;
    this.#queue = undefined;
  }

  /** What happened meanwhile is not known. */
  doubt(): void {
    this.#places.clear();
    this.#readAt = this.#revision = 0;
    this.#queue = undefined;
  }
}
