import { openSync, readSync } from "node:fs";
import { now } from "./stopwatch.ts";

const TICK_MS = 2;

export interface StallMeter {
  /** How late each tick was, ms. */
  stop(): StallLog;
}

export interface StallLog {
  /** As an onlooker sees it. */
  readonly late: Float64Array;
  /** Without the time in which the kernel let other processes have the core. */
  readonly blocked: Float64Array;
}

/**
 * Measures how long the event loop is held up. With 16 processes on a few cores most of a tick's lateness is
 * the wait for a core, which no library can help; the kernel counts that wait, and it is taken off.
 */
export function startStallMeter(): StallMeter {
  const queued = runQueueClock();
  const late: number[] = [];
  const blocked: number[] = [];
  let stopped = false;
  let due = now() + TICK_MS;
  let queuedBefore = queued();
  const tick = (): void => {
    if (stopped) return;
    const lateness = Math.max(0, now() - due);
    const queuedNow = queued();
    late.push(lateness);
    blocked.push(Math.max(0, lateness - (queuedNow - queuedBefore)));
    queuedBefore = queuedNow;
    due = now() + TICK_MS;
    setTimeout(tick, TICK_MS);
  };
  setTimeout(tick, TICK_MS);
  return {
    stop() {
      stopped = true;
      return { late: Float64Array.from(late), blocked: Float64Array.from(blocked) };
    },
  };
}

/** Milliseconds that this thread has waited for a core; always 0 where the kernel does not tell. */
function runQueueClock(): () => number {
  let file: number;
  try {
    file = openSync(`/proc/self/task/${process.pid}/schedstat`, "r");
  } catch {
    return () => 0;
  }
  const buffer = Buffer.alloc(64);
  return () => {
    const length = readSync(file, buffer, 0, buffer.length, 0);
    // "<ns on a core> <ns waiting for one> <turns>"
    return Number(buffer.toString("latin1", 0, length).split(" ")[1]) / 1e6;
  };
}
