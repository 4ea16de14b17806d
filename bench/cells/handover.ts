import type { Cell, Setup } from "../cell.ts";
import { contestant, openLocker, peers, peersOn, type ContestantName } from "../lockers/contestants.ts";
import type { Unlock } from "../lockers/locker.ts";
import { quantile } from "../statistics.ts";
import { now, sleep } from "../stopwatch.ts";

const HANDOVERS = 80;
const BUDGET_MS = 2_000;
/** Time for the waiter's request to reach the store. */
const QUEUE_MS = 5;

interface Moments {
  readonly began: number;
  readonly ended: number;
}

type Pairing = { lock(): Promise<Moments>; unlock(): Promise<Moments> };

/** Two processes alternate: one holds, the other waits; from the call of release to the other's grant. */
const handoverOn = (id: string, store: string, contestants: readonly ContestantName[]): Cell<Pairing> => ({
  id,
  title: `${store}: handover to a waiter in another process`,
  better: "less",
  processes: 2,
  contestants,
  async workload(setup: Setup) {
    const locker = await openLocker(setup.contestant, setup);
    let unlock: Unlock = () => {};
    return {
      async lock() {
        const began = now();
        unlock = await locker.lock("handover");
        return { began, ended: now() };
      },
      async unlock() {
        const began = now();
        await unlock();
        return { began, ended: now() };
      },
    };
  },
  async measure(workers, scene) {
    let [holder, waiter] = workers;
    const handovers: number[] = [];
    const releases: number[] = [];
    await holder!.lock();
    const until = now() + (scene.quick ? BUDGET_MS / 2 : BUDGET_MS);
    while (handovers.length < HANDOVERS && now() < until) {
      const granted = waiter!.lock();
      await sleep(QUEUE_MS + idleMs(contestant(scene.contestant).pollMs));
      const release = await holder!.unlock();
      const grant = await granted;
      handovers.push(grant.ended - release.began);
      releases.push(release.ended - release.began);
      [holder, waiter] = [waiter, holder];
    }
    return {
      "handover p50 ms": quantile(handovers, 0.5),
      "handover p90 ms": quantile(handovers, 0.9),
      "handover p99 ms": quantile(handovers, 0.99),
      "release call p50 ms": quantile(releases, 0.5),
      handovers: handovers.length,
    };
  },
});

export const handover = handoverOn("2e", "Redis", ["raw PUBLISH", "holdfast", "holdfast strict", ...peers]);

export const handoverOnPostgres = handoverOn("pe", "PostgreSQL", [
  ...(["raw commit + NOTIFY", "raw NOTIFY in commit", "raw advisory"] as const),
  ...(["holdfast PostgreSQL", "holdfast PostgreSQL relaxed"] as const),
  ...peersOn("PostgreSQL"),
]);

export const handoverOnMariaDb = handoverOn("me", "MariaDB", [
  ...(["raw GET_LOCK", "holdfast MariaDB"] as const),
  ...peersOn("MariaDB"),
]);

/** Over a whole polling period, or the release would always meet a poller at the same phase. */
function idleMs(pollMs: number): number {
  return Math.random() * Math.max(20, pollMs);
}
