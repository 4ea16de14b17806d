import {
  chmodSync,
  closeSync,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  rmdirSync,
  unlinkSync,
  watch,
  writeSync,
  type FSWatcher,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { attempt } from "./attempt.ts";
import type { Mail } from "./message.ts";

/** The file is cut when it is longer than this and read to its end. */
const CUT_BYTES = 65_536;

/** Somebody who leaves takes the empty directory away, maybe between our making it and using it. */
const CREATE_ATTEMPTS = 5;

const NEWLINE = 10;

/** What the first line of a mailbox says about its reader. */
export interface Reader {
  readonly host: string;
  readonly pid: number;
}

interface Open {
  readonly descriptor: number;
  /** Where the messages begin. */
  readonly head: number;
  readonly watcher: FSWatcher;
}

export interface MailboxOptions {
  readonly directory: string;
  readonly name: string;
  /** Permissions of the database, which the mailbox gets too. */
  readonly mode: number;
  readonly onMail: (mail: Mail) => void;
  /** Messages may have been lost. */
  readonly onGap: () => void;
}

/**
 * A file to which other processes append messages, a line each, and which the system watches for
 * us: nobody polls. The watch does not keep the process alive.
 */
export class Mailbox {
  #open: Open | undefined;
  #read = 0;

  /** Throws where files cannot be made or watched. */
  constructor(readonly options: MailboxOptions) {
    this.#start();
  }

  /** Takes the file away, and the directory when it was the last one. */
  close(): void {
    const gone = this.#stop();
    if (gone) return;
    attempt(() => unlinkSync(join(this.options.directory, this.options.name)));
    attempt(() => rmdirSync(this.options.directory));
  }

  #start(): void {
    const { directory, name, mode } = this.options;
    const path = join(directory, name);
    const descriptor = create(directory, path, mode);
    const reader: Reader = { host: hostname(), pid: process.pid };
    this.#read = writeSync(descriptor, `${JSON.stringify(reader)}\n`);
    try {
      const watcher = watch(path, { persistent: false }, () => this.#look());
      watcher.on("error", () => this.#restart());
      this.#open = { descriptor, head: this.#read, watcher };
    } catch (error) {
      closeSync(descriptor);
      unlinkSync(path);
      throw error;
    }
  }

  /** Returns whether the file had been deleted by somebody else. */
  #stop(): boolean {
    if (this.#open === undefined) return true;
    const { descriptor, watcher } = this.#open;
    this.#open = undefined;
    watcher.close();
    const gone = attempt(() => fstatSync(descriptor).nlink) === 0;
    attempt(() => closeSync(descriptor));
    return gone;
  }

  #restart(): void {
    if (this.#open === undefined) return;
    this.#stop();
    attempt(() => this.#start());
    this.options.onGap();
  }

  #look(): void {
    if (this.#open === undefined) return;
    const { descriptor, head } = this.#open;
    const stat = attempt(() => fstatSync(descriptor));
    /* Deleted by hand, or by a process that took us for dead. */
    if (stat === undefined || stat.nlink === 0) return this.#restart();
    /* Another backend has opened under the same name. */
    if (stat.size < this.#read) this.#read = head;
    const lines = attempt(() => this.#take(descriptor, stat.size)) ?? [];
    const cut = this.#read > CUT_BYTES;
    if (cut) {
      attempt(() => ftruncateSync(descriptor, head));
      this.#read = head;
    }
    for (const line of lines) {
      const mail = attempt(() => JSON.parse(line) as Mail);
      if (mail === undefined) this.options.onGap();
      else this.options.onMail(mail);
    }
    /* A line appended just before the cut went with it. */
    if (cut) this.options.onGap();
  }

  /** The complete lines that are new. */
  #take(descriptor: number, size: number): readonly string[] {
    if (size <= this.#read) return [];
    const bytes = Buffer.allocUnsafe(size - this.#read);
    const length = readSync(descriptor, bytes, 0, bytes.length, this.#read);
    const end = bytes.subarray(0, length).lastIndexOf(NEWLINE);
    if (end < 0) return [];
    this.#read += end + 1;
    return bytes.toString("utf8", 0, end).split("\n");
  }
}

function create(directory: string, path: string, mode: number): number {
  for (let left = CREATE_ATTEMPTS; ; left -= 1) {
    try {
      mkdirSync(directory, { recursive: true });
      const descriptor = openSync(path, "w+");
      /*
       * As SQLite does for its own files: who may use the database may use these, whatever the
       * umask.
       */
      attempt(() => chmodSync(directory, mode | ((mode & 0o444) >> 2)));
      attempt(() => fchmodSync(descriptor, mode));
      return descriptor;
    } catch (error) {
      if (left === 1 || (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}

