import type { Cell, Remote, Scene, Setup } from "../cell.ts";
import { countCommands } from "../command-count.ts";
import { turn } from "../contention.ts";
import { openLocker, peers } from "../lockers/contestants.ts";
import type { Unlock } from "../lockers/locker.ts";
import { countInversions, countOvertakings, type Served } from "../queue-order.ts";
import { median, sum } from "../statistics.ts";
import { now, sleep } from "../stopwatch.ts";

const WAITING_PROCESSES = 4;
const WAITERS = 32;
const REPETITIONS = 5;
const BUDGET_MS = 2_000;
/** For peers that go on to something else once they have found the lock taken. */
const SETTLE_MS = 15;

type Queue = {
  hold(): Promise<void>;
  /** Gives the moment at which the release was asked for. */
  letGo(): Promise<number>;
  arrive(waiter: number): Promise<void>;
  /** All that arrived and were served since the last time. */
  served(): Promise<readonly Omit<Served, "process">[]>;
};

async function workload(setup: Setup): Promise<Queue> {
  const locker = await openLocker(setup.contestant, setup);
  let unlock: Unlock = () => {};
  let visits: Promise<Omit<Served, "process">>[] = [];
  const visit = async (waiter: number) => {
    const leave = await locker.lock("drain");
    const at = now();
    await leave();
    return { waiter, at };
  };
  return {
    async hold() {
      unlock = await locker.lock("drain");
    },
    async letGo() {
      const moment = now();
      await unlock();
      return moment;
    },
    async arrive(waiter) {
      visits.push(visit(waiter));
      // By then the request has been written to its socket.
      await turn();
    },
    async served() {
      const all = await Promise.all(visits);
      visits = [];
      return all;
    },
  };
}

/** Waiters of several processes queue up one by one; then the lock is let go, and each is served once. */
export const drain: Cell<Queue> = {
  id: "2g",
  title: "Redis: 32 queued waiters (4 processes × 8) are served once each",
  better: "less",
  processes: 1 + WAITING_PROCESSES,
  contestants: ["holdfast", "holdfast strict", ...peers],
  workload,
  async measure(workers, scene) {
    const times: number[] = [];
    const firsts: number[] = [];
    const overtakings: number[] = [];
    const inversions: number[] = [];
    const until = now() + (scene.quick ? BUDGET_MS / 2 : BUDGET_MS);
    do {
      const { start, served } = await drainOnce(workers, scene);
      const moments = served.map(({ at }) => at - start);
      times.push(Math.max(...moments) / WAITERS);
      firsts.push(Math.min(...moments));
      overtakings.push(countOvertakings(served));
      inversions.push(countInversions(served));
    } while (times.length < REPETITIONS && now() < until);
    const count = await drainOnce(workers, scene, () => countCommands(scene.redisPort));
    const { sent, inside } = count.commands!;
    return {
      "ms per handover": median(times),
      "first handover ms": median(firsts),
      "commands sent per handover": sent / WAITERS,
      "with those in scripts": (sent + inside) / WAITERS,
      overtakings: sum(overtakings) / overtakings.length,
      "inversions but for local handover": sum(inversions) / inversions.length,
    };
  },
};

async function drainOnce(
  [holder, ...waiting]: readonly Remote<Queue>[],
  scene: Scene,
  count?: () => ReturnType<typeof countCommands>,
) {
  await holder!.hold();
  for (let waiter = 0; waiter < WAITERS; waiter++) {
    await waiting[waiter % WAITING_PROCESSES]!.arrive(waiter);
    // So that the order of arrival at the store is known.
    await scene.settle();
  }
  await sleep(SETTLE_MS);
  const finish = await count?.();
  const start = await holder!.letGo();
  const visits = await Promise.all(waiting.map((worker) => worker.served()));
  const commands = await finish?.();
  const served = visits.flatMap((some, process) => some.map((one) => ({ ...one, process })));
  return { start, served, commands };
}
