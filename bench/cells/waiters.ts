import type { Cell, Setup } from "../cell.ts";
import { countCommands } from "../command-count.ts";
import { openLocker, peers } from "../lockers/contestants.ts";
import { now, sleep } from "../stopwatch.ts";

const WAITING_PROCESSES = 4;
const WAITERS = 25;
const SETTLE_MS = 1_000;
const WINDOW_MS = 3_000;

type Waiting = { hold(): Promise<void>; wait(callers: number): Promise<void> };

/** What it costs the store that others wait while one holds the lock and nothing happens. */
export const waiters: Cell<Waiting> = {
  id: "2f",
  title: "Redis: 100 waiters (4 processes × 25) on a lock that is held",
  better: "less",
  processes: 1 + WAITING_PROCESSES,
  contestants: ["holdfast", "holdfast strict", ...peers],
  once: true,
  // Long, so that what is counted is the waiting and not the holder's renewals.
  ttlMs: 60_000,
  async workload(setup: Setup) {
    const locker = await openLocker(setup.contestant, setup);
    return {
      async hold() {
        await locker.lock("held");
      },
      async wait(callers) {
        for (let i = 0; i < callers; i++) void locker.lock("held");
      },
    };
  },
  async measure([holder, ...waiting], { quick, redisPort }) {
    await holder!.hold();
    await Promise.all(waiting.map((worker) => worker.wait(WAITERS)));
    await sleep(SETTLE_MS);
    const finish = await countCommands(redisPort);
    const start = now();
    await sleep(quick ? WINDOW_MS / 2 : WINDOW_MS);
    const { sent, inside } = await finish();
    const seconds = (now() - start) / 1_000;
    return {
      "commands sent/s": sent / seconds,
      "with those in scripts/s": (sent + inside) / seconds,
    };
  },
};
