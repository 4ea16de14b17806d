import { spawn } from "node:child_process";
import { createReadStream, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Line } from "./report.ts";

export interface FileResult {
  readonly passed: number;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  readonly failed: readonly { readonly name: string; readonly error: string }[];
  readonly notes: readonly string[];
  /** The end of what the file's process printed. */
  readonly output: string;
  readonly ms: number;
}

const REPORTER = new URL("./report.js", import.meta.url).href;
const OUTPUT_MAX = 64 * 1024;
const PIPES_MS = 1_000;

/**
 * Runs one built test file in a process of its own, and what that process starts in its process group. When
 * the file ends, or its time is over, or `signal` aborts, the whole group ends. Never rejects.
 */
export async function runFile(file: string, limitMs: number, signal: AbortSignal): Promise<FileResult> {
  const started = performance.now();
  const folder = mkdtempSync(join(tmpdir(), "holdfast-test-"));
  const report = join(folder, "report.jsonl");
  // Inside another run of Node's test runner this would change how the file reports.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(
    process.execPath,
    [`--test-reporter=${REPORTER}`, `--test-reporter-destination=${report}`, file],
    {
      env,
      cwd: fileURLToPath(new URL("../../../", import.meta.url)),
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    },
  );
  let output = "";
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-OUTPUT_MAX);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const closed = new Promise((resolve) => child.on("close", resolve));
  let outOfTime = false;
  const timer = setTimeout(() => {
    outOfTime = true;
    endGroup(child.pid);
  }, limitMs);
  const onAbort = (): void => endGroup(child.pid);
  signal.addEventListener("abort", onAbort, { once: true });
  const ending = await new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(`could not start: ${error.message}`));
    child.on("exit", (code, by) => resolve(by === null ? `exited with ${code}` : `ended by ${by}`));
  });
  clearTimeout(timer);
  signal.removeEventListener("abort", onAbort);
  endGroup(child.pid);
  // Somebody outside the group may hold the pipes for ever.
  await Promise.race([closed, delay(PIPES_MS, undefined, { ref: false })]);
  const lines = await readLines(report);
  rmSync(folder, { recursive: true, force: true });
  return {
    ...judge(lines, outOfTime ? `out of time after ${limitMs / 1000} s` : ending),
    output,
    ms: performance.now() - started,
  };
}

type Judgement = Pick<FileResult, "passed" | "skipped" | "failed" | "notes">;

/** Counts what was reported, and finds what was not: crashes, early exits, stray rejections, hangs. */
function judge(lines: readonly Line[], ending: string): Judgement {
  const skipped = lines.filter((line) => line.kind === "skipped");
  const failed = lines.filter((line) => line.kind === "failed").map(({ name, error }) => ({ name, error }));
  const notes = lines.filter((line) => line.kind === "note").map(({ text }) => text);
  const passed = lines.filter((line) => line.kind === "passed").length;

  const running: string[] = [];
  for (const line of lines) {
    if (line.kind === "begun") running.push(line.id);
    if (line.kind === "ended") running.splice(running.indexOf(line.id), 1);
  }
  const strays = notes.filter((note) =>
    note.includes("generated asynchronous activity after the test ended"),
  );
  for (const error of strays) failed.push({ name: "a rejection or exception outside of any test", error });
  const complete = lines.some((line) => line.kind === "complete");
  if (lines.length === 0 && ending === "exited with 0") {
    failed.push({ name: "the file itself", error: "reported no test: it has none, or exits early" });
  } else if (!complete) {
    const isBusy = running.length > 0;
    const name = isBusy ? `still running: ${running.map((id) => id.trim()).join(" › ")}` : "the file itself";
    const hint = lines.length === 0 || isBusy ? "" : "; something keeps its process alive, or it exits early";
    failed.push({ name, error: `${ending}${hint}` });
  } else if (ending !== "exited with 0" && failed.length === 0) {
    failed.push({ name: "the file itself", error: ending });
  }
  return { passed, skipped, failed, notes: notes.filter((note) => !strays.includes(note)) };
}

async function readLines(file: string): Promise<readonly Line[]> {
  if (!existsSync(file)) return [];
  const lines: Line[] = [];
  for await (const text of createInterface({ input: createReadStream(file) })) {
    try {
      lines.push(JSON.parse(text) as Line);
    } catch {
      // The last line of a process that was killed.
    }
  }
  return lines;
}

/** Also after its leader has exited: servers it has left behind must not meet the next file. */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left.
  }
}
