import { realpathSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { SqliteDatabase } from "./driver.ts";

/** Databases in memory have no path to be known by. */
const numbers = new WeakMap<SqliteDatabase, number>();
let numbered = 0;

/**
 * File systems, by the number that Linux gives them, on which SQLite's locks or shared memory do
 * not hold.
 */
const REMOTE: { readonly [type: number]: string } = {
  0x6969: "NFS",
  0x517b: "SMB",
  0xff534d42: "CIFS",
  0xfe534d42: "SMB2",
  0x01021997: "9P",
  0x5346414f: "AFS",
  0x00c36400: "Ceph",
  0x0bd00bd0: "Lustre",
  0x01161970: "GFS2",
  0x47504653: "GPFS",
  0x65735546: "FUSE",
};

/** Where a database is, as SQLite sees it. */
export class DatabasePlace {
  /** Resolved; null: in memory. */
  readonly file: string | null;
  /** The same for all connections to one database, within this process. */
  readonly identity: string;
  readonly #inode: number | undefined;

  constructor(database: SqliteDatabase) {
    const main = database.prepare("PRAGMA database_list").get() as { readonly file: string | null };
    this.file = main.file === null || main.file === "" ? null : realpathSync(main.file);
    this.identity = this.file ?? `memory ${numberOf(database)}`;
    this.#inode = this.#currentInode();
  }

  /** What other processes need to wake us is kept here, with the database's own permissions. */
  get wakeDirectory(): { readonly directory: string; readonly mode: number } | null {
    if (this.file === null) return null;
    return { directory: `${this.file}-wake`, mode: statSync(this.file).mode & 0o666 };
  }

  /**
   * SQLite goes on with a file that was deleted or replaced under it, while others work on the new
   * one: two stores, where everybody believes in one.
   */
  get wasReplaced(): boolean {
    return this.#inode !== this.#currentInode();
  }

  /** The kind of network file system it is on, where the system tells. */
  get remote(): string | undefined {
    if (this.file === null || process.platform !== "linux") return undefined;
    return REMOTE[statfsSync(dirname(this.file)).type >>> 0];
  }

  #currentInode(): number | undefined {
    if (this.file === null) return undefined;
    return statSync(this.file, { throwIfNoEntry: false })?.ino;
  }
}

function numberOf(database: SqliteDatabase): number {
  let number = numbers.get(database);
  if (number === undefined) numbers.set(database, (number = numbered += 1));
  return number;
}
