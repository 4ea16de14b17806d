import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runFile, type FileResult } from "./runner/run-file.ts";
import { testFiles, type TestFile } from "./runner/test-files.ts";
import { ensureServers } from "./servers/install.ts";

/**
 * `npm test [-- NAME…]`: runs the test files whose path has one of the names in it, a few at a time: most of
 * them wait for servers, leases and faults more than they compute. The last line is the count.
 */
const FILE_LIMIT_MS = 300_000;
const AT_ONCE = Math.min(2, availableParallelism());
/** Files that need every core for themselves; they run last, one by one. */
const ALONE = ["test/backends/sqlite-processes.test.ts", "test/mutants.test.ts"];

const root = fileURLToPath(new URL("../../", import.meta.url));
const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort());
process.once("SIGTERM", () => interrupt.abort());

const say = (line: string): void => console.log(line);
const indented = (text: string): string => text.replace(/^(?=.)/gm, "    ");

const missing = ensureServers(say);
const results: { readonly source: string; readonly result: FileResult }[] = [];
const files = testFiles(root, process.argv.slice(2));
await runAll(
  files.filter(({ source }) => !ALONE.includes(source)),
  AT_ONCE,
);
await runAll(
  files.filter(({ source }) => ALONE.includes(source)),
  1,
);

const skipped = results.flatMap(({ source, result }) => result.skipped.map((test) => ({ source, ...test })));
const failed = results.flatMap(({ source, result }) => result.failed.map((test) => ({ source, ...test })));
const passed = results.reduce((sum, { result }) => sum + result.passed, 0);

for (const { source, name, reason } of skipped) {
  say(`skipped  ${source}: ${name}${reason === "" ? "" : ` (${reason})`}`);
}
for (const { source, name } of failed) say(`FAILED   ${source}: ${name}`);
if (results.length === 0) say("no test file has this in its path");
const lacking = process.env["CI"] === "true" ? missing.length : 0;
if (lacking > 0) say(`with CI=true a missing server is a failure: ${missing.join(", ")}`);
if (interrupt.signal.aborted) say("interrupted");
const good = failed.length + lacking === 0 && passed > 0 && !interrupt.signal.aborted;
say(`${passed} passed, ${failed.length + lacking} failed, ${skipped.length} skipped`);
process.exitCode = good ? 0 : 1;

/** Whoever is free takes the next file. */
async function runAll(files: readonly TestFile[], atOnce: number): Promise<void> {
  const left = files.values();
  const lane = async (): Promise<void> => {
    for (const { source, built } of left) {
      if (interrupt.signal.aborted) return;
      const path = join(root, built);
      const isBuilt = existsSync(path);
      const result = isBuilt ? await runFile(path, FILE_LIMIT_MS, interrupt.signal) : notBuilt(built);
      results.push({ source, result });
      tell(source, result);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

function tell(source: string, { passed, failed, skipped, notes, output, ms }: FileResult): void {
  const verdict = failed.length > 0 ? "FAIL" : "ok  ";
  const seconds = (ms / 1000).toFixed(1).padStart(6);
  const aside = skipped.length > 0 ? `, ${skipped.length} skipped` : "";
  say(`${verdict} ${seconds} s ${String(passed).padStart(4)} passed${aside}  ${source}`);
  for (const note of notes) say(indented(note));
  for (const { name, error } of failed) say(`  ✖ ${name}\n${indented(error)}`);
  if (failed.length > 0 && output !== "") say(`  output:\n${indented(output.trimEnd())}`);
}

function notBuilt(built: string): FileResult {
  const error = `${built} was not built; look at what \`tsc -b\` says`;
  return {
    passed: 0,
    skipped: [],
    failed: [{ name: "the file itself", error }],
    notes: [],
    output: "",
    ms: 0,
  };
}
