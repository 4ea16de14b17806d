import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  unlinkSync,
} from "node:fs";
import { join } from "node:path";
import { attempt } from "./attempt.ts";

/**
 * The processes that wait for the write lock, an empty file each, in a directory that is there
 * while anybody waits. SQLite has no queue: all who are refused try again some time, and on a busy
 * machine their attempts take the processor from the one that has the lock. Here they sleep, and
 * whoever is done wakes the first.
 */
export class Line {
  #entry: string | undefined;

  constructor(
    readonly directory: string,
    /** The mailbox by which this one is woken. */
    readonly me: string,
    readonly wake: (mailbox: string) => boolean,
  ) {}

  get isOccupied(): boolean {
    return existsSync(this.directory);
  }

  /** `since`: when the request was made, by the wall clock. Returns how many are ahead. */
  join(since: number): number {
    if (this.#entry === undefined) {
      this.#entry = `${String(Math.floor(since)).padStart(15, "0")}.${this.me}`;
    }
    const entry = this.#entry;
    attempt(() => mkdirSync(this.directory));
    attempt(() => closeSync(openSync(join(this.directory, entry), "a")));
    return this.ahead();
  }

  /** How many are ahead of this one; 0 also if it does not stand in line. */
  ahead(): number {
    return this.#entry === undefined ? 0 : Math.max(0, this.#entries().indexOf(this.#entry));
  }

  leave(): void {
    if (this.#entry === undefined) return;
    this.#remove(this.#entry);
    this.#entry = undefined;
  }

  /** Wakes the first of the others, who may be dead; then the next. False: nobody is there. */
  handOn(): boolean {
    for (const entry of this.#entries()) {
      const mailbox = entry.slice(entry.indexOf(".") + 1);
      if (mailbox === this.me) continue;
      this.#remove(entry);
      if (this.wake(mailbox)) return true;
    }
    return false;
  }

  #entries(): readonly string[] {
    return (attempt(() => readdirSync(this.directory)) ?? []).sort();
  }

  #remove(entry: string): void {
    attempt(() => unlinkSync(join(this.directory, entry)));
    /* Fails while anybody is left. */
    attempt(() => rmdirSync(this.directory));
  }
}
