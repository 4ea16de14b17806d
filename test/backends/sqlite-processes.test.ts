import assert from "node:assert/strict";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { WorkerReport, WorkerTask } from "./sqlite-worker.ts";

const WORKER = fileURLToPath(new URL("./sqlite-worker.js", import.meta.url));
const PROCESSES = 16;
const RUN_MS = 3_000;

test("16 processes on one file: no overlap, nobody starved, the event loop stays free", async (t) => {
  const { reports } = await crowd(t, { kill: false });
  assert.equal(reports.length, PROCESSES);
  tell(t, reports);
  for (const { overlaps } of reports) assert.equal(overlaps, 0, "two processes inside the lock");
  for (const kind of ["own", "hot"] as const) {
    const counts = reports.map((report) => report[kind]);
    const fair = counts.reduce((sum, count) => sum + count, 0) / PROCESSES;
    const least = Math.min(...counts);
    assert.ok(least + 1 >= fair / 2, `${kind}: ${least} of a fair share of ${fair}`);
  }
});

test("16 processes on one file, one killed in the middle: the others go on, still alone", async (t) => {
  const { reports, directory } = await crowd(t, { kill: true });
  assert.equal(reports.length, PROCESSES - 1);
  tell(t, reports);
  for (const { overlaps, hot } of reports) {
    assert.equal(overlaps, 0, "two processes inside the lock");
    assert.ok(hot > 0);
  }
  assert.equal(readdirSync(join(directory, "crowd.db-wake")).length, 1, "what the killed one left");
});

async function crowd(
  t: TestContext,
  { kill }: { readonly kill: boolean },
): Promise<{ reports: readonly WorkerReport[]; directory: string }> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-"));
  const children = Array.from({ length: PROCESSES }, (_, index) => {
    const task: WorkerTask = {
      file: join(directory, "crowd.db"),
      inside: join(directory, "inside"),
      name: `p${index}`,
      runMs: RUN_MS,
    };
    return fork(WORKER, [JSON.stringify(task)], { stdio: "inherit" });
  });
  const gone = Promise.all(children.map((child) => once(child, "exit")));
  t.after(async () => {
    for (const child of children) child.kill("SIGKILL");
    await gone;
    rmSync(directory, { recursive: true });
  });
  await Promise.all(children.map((child) => once(child, "message")));
  const answers = children.map(reportOf);
  for (const child of children) child.send("go");
  if (kill) {
    await wait(RUN_MS / 2);
    children[3]?.kill("SIGKILL");
  }
  const reports = (await Promise.all(answers)).filter((report) => report !== undefined);
  return { reports, directory };
}

function reportOf(child: ChildProcess): Promise<WorkerReport | undefined> {
  return new Promise((resolve) => {
    child.once("message", (report) => resolve(report as WorkerReport));
    child.once("exit", () => resolve(undefined));
  });
}

function tell(t: TestContext, reports: readonly WorkerReport[]): void {
  const range = (of: (report: WorkerReport) => number): string => {
    const numbers = reports.map(of).sort((a, b) => a - b);
    const sum = numbers.reduce((total, number) => total + number, 0);
    const shown = [numbers[0], numbers[numbers.length >> 1], numbers.at(-1)].map((n) => n?.toFixed(1));
    return `${shown.join(" / ")} (least / median / most), sum ${sum.toFixed(0)}`;
  };
  t.diagnostic(`cycles on own keys: ${range(({ own }) => own)}`);
  t.diagnostic(`cycles on the hot key: ${range(({ hot }) => hot)}`);
  t.diagnostic(`of these by push: ${range(({ pushed }) => pushed)}`);
  t.diagnostic(`event loop delay p99.9 in ms: ${range(({ delayP999Ms }) => delayP999Ms)}`);
  t.diagnostic(`event loop delay max in ms: ${range(({ delayMaxMs }) => delayMaxMs)}`);
  t.diagnostic(`slowest call in ms: ${range(({ slowestCallMs }) => slowestCallMs)}`);
}
