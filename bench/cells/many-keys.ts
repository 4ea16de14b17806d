import type { Cell, Setup } from "../cell.ts";
import { openLocker, peersAtDefaults } from "../lockers/contestants.ts";
import { median } from "../statistics.ts";
import { now } from "../stopwatch.ts";

const KEYS = Array.from({ length: 256 }, (_, i) => `many:${i}`);
const WARM_UP = 20;

type ManyKeys = { batches(budgetMs: number): Promise<Float64Array> };

/** As many locks as a busy server holds at once, each taken and given back as soon as it is there. */
export const manyKeys: Cell<ManyKeys> = {
  id: "2b",
  title: "Redis: 256 keys at once, each acquired and released",
  better: "more",
  processes: 1,
  contestants: ["raw SET NX", "holdfast", ...peersAtDefaults],
  async workload(setup: Setup) {
    const locker = await openLocker(setup.contestant, setup);
    const cycle = async (key: string): Promise<void> => {
      const unlock = await locker.lock(key);
      await unlock();
    };
    const batch = () => Promise.all(KEYS.map(cycle));
    return {
      async batches(budgetMs) {
        for (let i = 0; i < WARM_UP; i++) await batch();
        const times: number[] = [];
        const until = now() + budgetMs;
        for (let moment = now(); moment < until; ) {
          await batch();
          const done = now();
          times.push(done - moment);
          moment = done;
        }
        return Float64Array.from(times);
      },
    };
  },
  async measure([worker], { quick }) {
    const times = await worker!.batches(quick ? 500 : 1_000);
    const total = times.reduce((sum, ms) => sum + ms, 0);
    return {
      "pairs/s": (1_000 * KEYS.length * times.length) / total,
      "batch p50 ms": median(times),
    };
  },
};
