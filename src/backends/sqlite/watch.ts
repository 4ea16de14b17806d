import type { Cancel, Clock } from "../../clock.ts";
import { attempt } from "./attempt.ts";
import type { VersionRows } from "./versions.ts";

/** How often a process that watches looks whether another one has committed: some microseconds each time. */
const LOOK_EVERY_MS = 50;

/** Tells who watches a collection that something was committed, by this process or another. */
export class Watch {
  readonly #watchers = new Set<{ readonly collection: string; readonly changed: () => void }>();
  /** Where the feed ended at the last look; undefined if the database was busy then. */
  #seen: number | undefined;
  #cancel: Cancel | undefined;

  constructor(
    readonly versions: VersionRows,
    readonly clock: Clock,
  ) {}

  add(collection: string, changed: () => void): () => void {
    const watcher = { collection, changed };
    this.#watchers.add(watcher);
    if (this.#cancel === undefined) {
      this.#seen = this.#end();
      this.#wait();
    }
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.close();
    };
  }

  /** This backend has committed: whoever watches here need not wait for the next look. */
  committed(collections: ReadonlySet<string>): void {
    for (const { collection, changed } of this.#watchers) if (collections.has(collection)) changed();
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #wait(): void {
    this.#cancel = this.clock.timer(LOOK_EVERY_MS, () => this.#look(), { keepAlive: false });
  }

  #look(): void {
    this.#wait();
    const end = this.#end();
    const isNew = end === undefined || end !== this.#seen;
    this.#seen = end;
    if (isNew) for (const { changed } of this.#watchers) changed();
  }

  #end(): number | undefined {
    return attempt(() => this.versions.end());
  }
}
