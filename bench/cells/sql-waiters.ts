import type { Cell, Scene, Setup } from "../cell.ts";
import { openLocker, peersOn, type ContestantName } from "../lockers/contestants.ts";
import { questions } from "../mariadb-server.ts";
import { transactions } from "../postgres-server.ts";
import { now, sleep } from "../stopwatch.ts";

const WAITING_PROCESSES = 20;
/** PostgreSQL's sessions tell what they have done when they have been idle for 10 s, at the latest. */
const SETTLE_MS = 11_000;
const WINDOW_MS = 5_000;

type Waiting = { hold(): Promise<void>; wait(): Promise<void> };

/** What it costs the database that one waits in each of many processes and nothing happens. */
function sqlWaiters(
  id: string,
  store: string,
  contestants: readonly ContestantName[],
  count: (scene: Scene) => Promise<number>,
): Cell<Waiting> {
  return {
    id,
    title: `${store}: one waiter in each of 20 processes, on a lock that is held`,
    better: "less",
    processes: 1 + WAITING_PROCESSES,
    contestants,
    once: true,
    // Long, so that what is counted is the waiting and not the holder's renewals.
    ttlMs: 60_000,
    async workload(setup: Setup) {
      const locker = await openLocker(setup.contestant, setup);
      return {
        async hold() {
          await locker.lock("held");
        },
        async wait() {
          void locker.lock("held");
        },
      };
    },
    async measure([holder, ...waiting], scene) {
      await holder!.hold();
      await Promise.all(waiting.map((worker) => worker.wait()));
      await sleep(SETTLE_MS);
      const before = await count(scene);
      const start = now();
      await sleep(WINDOW_MS);
      return { "statements/s": ((await count(scene)) - before) / ((now() - start) / 1_000) };
    },
  };
}

export const waitersOnPostgres = sqlWaiters(
  "pf",
  "PostgreSQL",
  ["holdfast PostgreSQL", ...peersOn("PostgreSQL")],
  ({ postgresUrl }) => transactions(postgresUrl),
);

export const waitersOnMariaDb = sqlWaiters(
  "mf",
  "MariaDB",
  ["holdfast MariaDB", ...peersOn("MariaDB")],
  ({ mysqlUrl }) => questions(mysqlUrl),
);
