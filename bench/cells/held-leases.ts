import type { Cell, Setup } from "../cell.ts";
import { countCommands } from "../command-count.ts";
import { openLocker } from "../lockers/contestants.ts";
import type { Unlock } from "../lockers/locker.ts";
import { now, sleep } from "../stopwatch.ts";

const LEASES = 10_000;
/** Taken this many at a time over a while, so that they do not all fall due in one tick. */
const AT_A_TIME = 100;
const PAUSE_MS = 15;
const TTL_MS = 6_000;
/** Holdfast renews at a third of the lease. */
const PERIOD_MS = TTL_MS / 3;

type Holding = { hold(): Promise<number> };

/** What it costs to keep many leases for a long time. */
export const heldLeases: Cell<Holding> = {
  id: "2h",
  title: "Redis: 10,000 held leases in one process, renewed",
  better: "less",
  processes: 1,
  contestants: ["holdfast", "redis-semaphore"],
  once: true,
  ttlMs: TTL_MS,
  async workload(setup: Setup) {
    const locker = await openLocker(setup.contestant, setup);
    const unlocks: Unlock[] = [];
    return {
      async hold() {
        for (let i = 0; i < AT_A_TIME; i++) await (await locker.lock(`warm-up:${i}`))();
        const names = Array.from({ length: LEASES }, (_, i) => `lease:${i}`);
        const before = heapInUse();
        for (let i = 0; i < LEASES; i += AT_A_TIME) {
          const some = names.slice(i, i + AT_A_TIME).map((name) => locker.lock(name));
          unlocks.push(...(await Promise.all(some)));
          await sleep(PAUSE_MS);
        }
        return (heapInUse() - before) / LEASES;
      },
    };
  },
  async measure([worker], { redisPort }) {
    const heap = await worker!.hold();
    const finish = await countCommands(redisPort);
    const start = now();
    await sleep(2 * PERIOD_MS);
    const { sent, inside } = await finish();
    const periods = (now() - start) / PERIOD_MS;
    return {
      "commands sent per period": sent / periods,
      "with those in scripts": (sent + inside) / periods,
      "heap bytes per lease": heap,
    };
  },
};

function heapInUse(): number {
  // Twice: what the first pass finalizes is freed by the second.
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
