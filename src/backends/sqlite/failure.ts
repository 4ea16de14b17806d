import { accessSync, constants, statSync } from "node:fs";
import { dirname } from "node:path";
import { BackendError } from "../../errors.ts";

/** SQLite's primary result codes by number, as far as they are told apart here. */
const CODES: { readonly [number: number]: string } = {
  3: "PERM",
  5: "BUSY",
  6: "LOCKED",
  8: "READONLY",
  10: "IOERR",
  11: "CORRUPT",
  13: "FULL",
  14: "CANTOPEN",
  15: "PROTOCOL",
  26: "NOTADB",
};

const REMEDIES: { readonly [code: string]: string } = {
  READONLY: "give this user write access to the file and to its directory",
  PERM: "give this user read and write access to the file and to its directory",
  CANTOPEN: "check that the directory exists and that this user may write in it",
  IOERR: "check the disk; a network file system does not do",
  CORRUPT: "restore a backup; `PRAGMA integrity_check` tells what is broken",
  FULL: "free space on the disk",
  NOTADB: "choose another path, this file is something else (or encrypted)",
};

/**
 * The primary result code without `SQLITE_`, whichever driver threw it; undefined: not SQLite's.
 */
export function sqliteCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown };
  if (typeof errcode === "number") return CODES[errcode & 0xff] ?? "ERROR";
  const name = typeof code === "string" ? /^SQLITE_([A-Z]+)/.exec(code)?.[1] : undefined;
  if (name !== undefined) return name;
  const number = /^ConnectionFailed\(.*: (\d+)"?\)$/s.exec(error.message)?.[1];
  return number === undefined ? undefined : CODES[Number(number) & 0xff];
}

/**
 * Somebody else has the lock for a moment. PROTOCOL is SQLite's word for losing that race many
 * times.
 */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === "BUSY" || code === "LOCKED" || code === "PROTOCOL";
}

export function failure(
  operation: string,
  error: unknown,
  outcome: "not-applied" | "unknown" = "not-applied",
): BackendError {
  if (error instanceof BackendError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const remedy = REMEDIES[sqliteCode(error) ?? ""];
  const detail = remedy === undefined ? message : `${message}; ${remedy}`;
  return new BackendError("sqlite", operation, outcome, { cause: error, detail });
}

/**
 * Drivers say little about a path that cannot be opened; this says what is wrong with it, if
 * anything.
 */
export function whyNotOpenable(file: string): string | undefined {
  const directory = dirname(file);
  const holder = statSync(directory, { throwIfNoEntry: false });
  if (holder === undefined) return `there is no directory "${directory}"; create it first`;
  if (!holder.isDirectory()) return `"${directory}" is not a directory`;
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isDirectory()) return `"${file}" is a directory; name a file in it`;
  if (!allowed(directory, constants.W_OK | constants.X_OK)) {
    return `this user may not write in "${directory}", where SQLite keeps its log beside the file`;
  }
  if (found !== undefined && !allowed(file, constants.R_OK | constants.W_OK)) {
    return `this user may not read and write "${file}"; give it access`;
  }
  return undefined;
}

function allowed(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
