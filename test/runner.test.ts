import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { runFile, type FileResult } from "./runner/run-file.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-runner-"));
after(() => rmSync(folder, { recursive: true }));

const never = new AbortController().signal;

function run(name: string, body: string, limitMs = 20_000, signal = never): Promise<FileResult> {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, `import { after, describe, it, test } from "node:test";\n${body}`);
  return runFile(file, limitMs, signal);
}

const names = (failed: FileResult["failed"]): readonly string[] => failed.map(({ name }) => name);

describe("the runner", () => {
  test("counts tests without tests inside, and says which are skipped and why", async () => {
    const result = await run(
      "counts",
      `describe("outer", () => {
         it("one", (t) => { t.diagnostic("42 seeds"); });
         it("two", { skip: "no such store" }, () => {});
       });
       describe.skip("all of it", () => { it("hidden", () => {}); });
       describe("nothing inside", () => {});
       test("parent", async (t) => { await t.test("a", () => {}); await t.test("b", () => {}); });`,
    );
    assert.equal(result.passed, 3);
    assert.deepEqual(result.failed, []);
    assert.deepEqual(
      result.skipped.map(({ name, reason }) => `${name}: ${reason}`),
      ["outer › two: no such store", "all of it: "],
    );
    assert.deepEqual(result.notes, ["42 seeds"]);
  });

  test("shows a failure in full, once, under its full name", async () => {
    const result = await run(
      "fails",
      `import assert from "node:assert";
       describe("outer", () => {
         it("good", () => {});
         it("bad", () => assert.deepEqual({ a: 1 }, { a: 2 }));
       });`,
    );
    assert.equal(result.passed, 1);
    assert.deepEqual(names(result.failed), ["outer › bad"]);
    assert.match(result.failed[0]?.error ?? "", /a: 1[\s\S]*a: 2[\s\S]*fails\.mjs:5/);
  });

  test("takes a failing hook for a failure", async () => {
    const result = await run(
      "hook",
      `describe("outer", () => {
         it("good", () => {});
         after(() => { throw new Error("torn down badly"); });
       });`,
    );
    assert.deepEqual(names(result.failed), ["outer"]);
    assert.match(result.failed[0]?.error ?? "", /torn down badly/);
  });

  test("fails on a rejection that no test awaits", async () => {
    const result = await run(
      "stray",
      `test("careless", () => { setTimeout(() => Promise.reject(new Error("stray")), 20); });
       test("later", () => new Promise((resolve) => setTimeout(resolve, 100)));`,
    );
    assert.equal(result.passed, 2);
    assert.equal(result.failed.length, 1);
    assert.match(result.failed[0]?.error ?? "", /stray/);
  });

  test("fails a file that crashes, leaves early or has no test", async () => {
    const crash = await run("crash", `console.log("so far"); throw new Error("at import");`);
    assert.match(crash.failed[0]?.error ?? "", /exited with 1/);
    assert.match(crash.output, /so far[\s\S]*at import/);

    const early = await run("early", `test("one", () => {}); test("two", () => process.exit(0));`);
    assert.equal(early.failed.length, 1);
    assert.match(early.failed[0]?.error ?? "", /exits early/);

    const empty = await run("empty", "");
    assert.match(empty.failed[0]?.error ?? "", /it has none/);
    assert.equal(empty.failed.length, 1);
  });

  test("ends a file whose time is over, and says what it was doing", async () => {
    const hang = await run("hang", `test("waits", () => new Promise((r) => setTimeout(r, 60_000)));`, 1_000);
    assert.deepEqual(names(hang.failed), ["still running: waits"]);
    assert.match(hang.failed[0]?.error ?? "", /out of time after 1 s/);

    const alive = await run("alive", `setInterval(() => {}, 1_000); test("quick", () => {});`, 1_000);
    assert.equal(alive.passed, 1);
    assert.match(alive.failed[0]?.error ?? "", /keeps its process alive/);
  });

  test("ends what a file has left running", async () => {
    const result = await run(
      "leaves",
      `import { spawn } from "node:child_process";
       test("starts a server and forgets it", (t) => {
         const child = spawn("sleep", ["60"], { stdio: "ignore" });
         child.unref();
         t.diagnostic(String(child.pid));
       });`,
    );
    assert.deepEqual(result.failed, []);
    const pid = Number(result.notes[0]);
    for (let waited = 0; waited < 2_000 && isRunning(pid); waited += 20) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(isRunning(pid), false);
  });

  test("ends the file when interrupted", async () => {
    const result = await run(
      "interrupted",
      `test("waits", () => new Promise((r) => setTimeout(r, 60_000)));`,
      20_000,
      AbortSignal.timeout(500),
    );
    assert.equal(result.failed.length, 1);
  });
});

/** A process that has ended but that nobody has asked about yet does not run. */
function isRunning(pid: number): boolean {
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
  return stdout.trim() !== "" && !stdout.trim().startsWith("Z");
}
