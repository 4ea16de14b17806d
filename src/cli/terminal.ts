import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import { signalExit } from "./exit-codes.ts";

/*
 * Nothing here touches process.stdout and its kin: to make them, Node sets O_NONBLOCK on
 * descriptors that the command which `holdfast run` starts shares with us, and most programs do not
 * expect EAGAIN from a write.
 */
const STDOUT = 1;
const STDERR = 2;
const RETRY_MS = 10;

/** The program's own remarks, to people. They go to standard error. */
export function remark(text: string): void {
  try {
    writeAll(STDERR, `holdfast: ${text}\n`);
  } catch {
    // Nobody listens any more. No reason to end anything.
  }
}

export function print(text: string): void {
  try {
    writeAll(STDOUT, `${text}\n`);
  } catch (error) {
    if (codeOf(error) === "EPIPE") process.exit(signalExit("SIGPIPE"));
    throw error;
  }
}

/** One JSON document on one line. Tokens do not fit everybody's JSON numbers: they are strings. */
export function printJson(value: unknown): void {
  print(
    JSON.stringify(value, (_, each: unknown) =>
      typeof each === "bigint" ? each.toString() : each,
    ),
  );
}

function writeAll(fd: number, text: string): void {
  let bytes = Buffer.from(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      if (codeOf(error) !== "EAGAIN") throw error;
      // Somebody else has set O_NONBLOCK, and the reader is slow.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && "code" in error ? error.code : undefined;

/** Names come from anywhere: what could steer the terminal is shown as an escape. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => {
    const code = (char.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, "0")}`;
  });
}

const COLOURS = { red: 31, green: 32, yellow: 33, bold: 1, dim: 2 } as const;

/** Colours for standard output, if that is a terminal and nobody objects (https://no-color.org). */
export function paint(text: string, colour: keyof typeof COLOURS): string {
  const { NO_COLOR = "", TERM } = process.env;
  if (!isatty(STDOUT) || NO_COLOR !== "" || TERM === "dumb") return text;
  return `\u001b[${COLOURS[colour]}m${text}\u001b[0m`;
}
