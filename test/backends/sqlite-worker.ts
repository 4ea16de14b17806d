import { closeSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Grant, Session } from "holdfast/backend";
import { sqlite } from "holdfast/sqlite";

/**
 * A process that takes locks directly on the backend, one after the other: on keys of its own, and
 * at the same time on one key that all processes want. Started by sqlite-processes.test.ts, which
 * it answers over IPC.
 */
export interface WorkerTask {
  readonly file: string;
  /** Exists while somebody is inside the hot lock. */
  readonly inside: string;
  readonly name: string;
  readonly runMs: number;
}

export interface WorkerReport {
  readonly own: number;
  readonly hot: number;
  readonly pushed: number;
  readonly overlaps: number;
  readonly delayP999Ms: number;
  readonly delayMaxMs: number;
  readonly slowestCallMs: number;
}

const TTL_MS = 1_000;
const LOOK_AGAIN_MS = 250;

const task = JSON.parse(process.argv[2] ?? "") as WorkerTask;
const backend = sqlite(task.file);
const wakers = new Map<string, (grant: Grant | undefined) => void>();

const session: Session = {
  namespace: "crowd",
  processId: task.name,
  owner: { host: "here", pid: process.pid },
  claimMs: TTL_MS,
  patienceMs: 5_000,
  listener: {
    granted: (_resource, leaseId, grant) => wakers.get(leaseId)?.(grant),
    revoked() {},
    contended() {},
    look: () => wakers.forEach((wake) => wake(undefined)),
  },
};

let leases = 0;
let slowestCallMs = 0;
let pushed = 0;
let overlaps = 0;

async function timed<T>(call: Promise<T>): Promise<T> {
  const began = performance.now();
  const answer = await call;
  slowestCallMs = Math.max(slowestCallMs, performance.now() - began);
  return answer;
}

async function take(resource: string): Promise<string> {
  const leaseId = `${task.name}:${(leases += 1)}`;
  const request = { resource, leaseId, permits: 1, capacity: 1, ttlMs: TTL_MS, wait: true };
  for (;;) {
    const wake = new Promise<Grant | undefined>((resolve) => wakers.set(leaseId, resolve));
    const { results } = await timed(backend.admit([request]));
    if (results[0]?.kind === "granted") break;
    const again = setTimeout(() => wakers.get(leaseId)?.(undefined), LOOK_AGAIN_MS);
    const grant = await wake;
    clearTimeout(again);
    if (grant !== undefined) {
      pushed += 1;
      break;
    }
  }
  wakers.delete(leaseId);
  await timed(backend.renew([{ resource, leaseId, ttlMs: TTL_MS }]));
  return leaseId;
}

async function cycle(resource: string, work: () => void): Promise<void> {
  const leaseId = await take(resource);
  work();
  await timed(backend.release([{ resource, leaseId }]));
}

function enterAndLeave(): void {
  let descriptor: number;
  try {
    descriptor = openSync(task.inside, "wx");
  } catch {
    if (isAlive(Number(readFileSync(task.inside, "utf8")))) overlaps += 1;
    descriptor = openSync(task.inside, "w");
  }
  writeSync(descriptor, String(process.pid));
  closeSync(descriptor);
  for (const until = performance.now() + 0.1; performance.now() < until; );
  unlinkSync(task.inside);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

await backend.open(session);
process.send?.("ready");
await new Promise((resolve) => process.once("message", resolve));
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const until = performance.now() + task.runMs;
const repeat = async (resource: (count: number) => string, work: () => void): Promise<number> => {
  let count = 0;
  while (performance.now() < until) {
    await cycle(resource(count), work);
    count += 1;
  }
  return count;
};
const [own, hot] = await Promise.all([
  repeat(
    (count) => `own ${task.name} ${count % 8}`,
    () => {},
  ),
  repeat(() => "hot", enterAndLeave),
]);
delay.disable();
await backend.close();
const report: WorkerReport = {
  own,
  hot,
  pushed,
  overlaps,
  delayP999Ms: delay.percentile(99.9) / 1e6,
  delayMaxMs: delay.max / 1e6,
  slowestCallMs,
};
process.send?.(report, () => process.disconnect());
