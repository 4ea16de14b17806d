import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { attempt } from "./attempt.ts";
import type { Reader } from "./mailbox.ts";
import type { Mail } from "./message.ts";

/**
 * A mailbox of another machine or container, whose processes we cannot see, is kept this long
 * unused.
 */
const FOREIGN_MAX_MS = 86_400_000;

/** Mailboxes looked at in one go, since it keeps the event loop meanwhile. */
const LOOKED_AT_MAX = 200;

/**
 * The file name of a process's mailbox. Names may contain anything, file names may not; should two
 * names ever give the same number, their processes read each other's messages and ask once too
 * often.
 */
export function mailboxName(namespace: string, processId: string): string {
  const bytes = Buffer.from(`${namespace.length}:${namespace}${processId}`);
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, "0");
}

/**
 * Appends in one write, so that lines of several writers do not mix. False: there is no such
 * mailbox, hence nobody who listens.
 */
export function post(directory: string, name: string, mail: readonly Mail[]): boolean {
  const descriptor = attempt(() =>
    openSync(join(directory, name), constants.O_WRONLY | constants.O_APPEND),
  );
  if (descriptor === undefined) return false;
  const lines = mail.map((each) => `${JSON.stringify(each)}\n`).join("");
  attempt(() => writeSync(descriptor, lines));
  attempt(() => closeSync(descriptor));
  return true;
}

/** Processes that were killed leave their mailboxes behind; the next to open takes them away. */
export function removeOrphans(directory: string, wallNow: number): void {
  const names = attempt(() => readdirSync(directory)) ?? [];
  for (const name of names.slice(0, LOOKED_AT_MAX)) {
    const path = join(directory, name);
    const reader = attempt(() => readerOf(path));
    const orphan =
      reader?.host === hostname()
        ? !isAlive(reader.pid)
        : wallNow - (attempt(() => statSync(path).mtimeMs) ?? wallNow) > FOREIGN_MAX_MS;
    if (orphan) attempt(() => unlinkSync(path));
  }
}

function readerOf(path: string): Reader {
  const descriptor = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(512);
    const text = bytes.toString("utf8", 0, readSync(descriptor, bytes, 0, bytes.length, 0));
    return JSON.parse(text.slice(0, text.indexOf("\n"))) as Reader;
  } finally {
    closeSync(descriptor);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
