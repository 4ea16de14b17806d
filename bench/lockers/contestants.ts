import type { Locker, Open, Opening } from "./locker.ts";

interface Contestant {
  readonly role: "floor" | "holdfast" | "peer";
  /** Told to what opens it. */
  readonly variant: string;
  /** Peers only: what it keeps its locks in. */
  readonly store?: "Redis" | "PostgreSQL" | "MariaDB";
  /** Its mean time between two looks at a lock it waits for; 0 where it is told. */
  readonly pollMs: number;
  load(): Promise<{ readonly open: Open }>;
}

const floor = { role: "floor", variant: "default", pollMs: 0 } as const;
const holdfast = { role: "holdfast", variant: "default", pollMs: 0 } as const;

function peer(pollMs: number, load: Contestant["load"], store: Contestant["store"] = "Redis"): Contestant {
  return { role: "peer", variant: "default", store, pollMs, load };
}

function tight(load: Contestant["load"], store: Contestant["store"] = "Redis"): Contestant {
  return { role: "peer", variant: "tight", store, pollMs: 1, load };
}

const redlock = () => import("./redlock.ts");
const redisSemaphore = () => import("./redis-semaphore.ts");
const verrou = () => import("./verrou.ts");
const redlockUniversal = () => import("./redlock-universal.ts");
const simpleRedisMutex = () => import("./simple-redis-mutex.ts");
const overRedis = () => import("./holdfast-redis.ts");
const rawPgLease = () => import("./raw-pg-lease.ts");
const rawPgNotify = () => import("./raw-pg-notify.ts");
const rawMaria = () => import("./raw-maria.ts");
const overSql = () => import("./holdfast-sql.ts");
const verrouPg = () => import("./verrou-pg.ts");
const shedlockPg = () => import("./shedlock-pg.ts");
const shedlockMaria = () => import("./shedlock-maria.ts");

const CONTESTANTS = {
  "raw SET NX": { ...floor, load: () => import("./raw-set-nx.ts") },
  "raw PUBLISH": { ...floor, load: () => import("./raw-publish.ts") },
  "raw SQLite": { ...floor, load: () => import("./raw-sqlite.ts") },
  "async-mutex": { ...floor, load: () => import("./async-mutex.ts") },
  "no lock": { ...floor, load: () => import("./no-lock.ts") },
  holdfast: { ...holdfast, load: overRedis },
  "holdfast strict": { ...holdfast, variant: "strict", load: overRedis },
  "holdfast SQLite": { ...holdfast, load: () => import("./holdfast-sqlite.ts") },
  "holdfast memory": { ...holdfast, load: () => import("./holdfast-memory.ts") },
  redlock: peer(200, redlock),
  "redlock tight": tight(redlock),
  "redis-semaphore": peer(10, redisSemaphore),
  "redis-semaphore tight": tight(redisSemaphore),
  verrou: peer(250, verrou),
  "verrou tight": tight(verrou),
  "redlock-universal": peer(100, redlockUniversal),
  "redlock-universal tight": tight(redlockUniversal),
  // Told by message, so that there is nothing to tighten: its defaults are its tightest.
  "simple-redis-mutex": { ...tight(simpleRedisMutex), pollMs: 0 },
  "raw lease": { ...floor, load: rawPgLease },
  "raw lease unlogged": { ...floor, variant: "unlogged", load: rawPgLease },
  "raw lease async": { ...floor, variant: "async", load: rawPgLease },
  "raw advisory": { ...floor, load: () => import("./raw-pg-advisory.ts") },
  "raw commit + NOTIFY": { ...floor, load: rawPgNotify },
  "raw NOTIFY in commit": { ...floor, variant: "one commit", load: rawPgNotify },
  "holdfast PostgreSQL": { ...holdfast, load: overSql },
  "holdfast PostgreSQL relaxed": { ...holdfast, variant: "relaxed", load: overSql },
  "verrou PostgreSQL": peer(250, verrouPg, "PostgreSQL"),
  "verrou PostgreSQL tight": tight(verrouPg, "PostgreSQL"),
  "ShedLock PostgreSQL": peer(50, shedlockPg, "PostgreSQL"),
  "ShedLock PostgreSQL tight": tight(shedlockPg, "PostgreSQL"),
  "raw lease MariaDB": { ...floor, load: rawMaria },
  "raw GET_LOCK": { ...floor, variant: "GET_LOCK", load: rawMaria },
  "holdfast MariaDB": { ...holdfast, variant: "MariaDB", load: overSql },
  "ShedLock MariaDB": peer(50, shedlockMaria, "MariaDB"),
  "ShedLock MariaDB tight": tight(shedlockMaria, "MariaDB"),
} as const satisfies Record<string, Contestant>;

export type ContestantName = keyof typeof CONTESTANTS;

export function contestant(name: ContestantName): Contestant {
  return CONTESTANTS[name];
}

export const contestantNames = Object.keys(CONTESTANTS) as readonly ContestantName[];

function named(select: (contestant: Contestant) => boolean): readonly ContestantName[] {
  return contestantNames.filter((name) => select(CONTESTANTS[name]));
}

/** On whatever store. */
export const allPeers = named(({ role }) => role === "peer");

export const peersOn = (store: NonNullable<Contestant["store"]>): readonly ContestantName[] =>
  named((each) => each.store === store);

/** Settings for waiting change nothing where nobody waits. */
export const atDefaults = (names: readonly ContestantName[]): readonly ContestantName[] =>
  names.filter((name) => !name.endsWith(" tight"));

export const peers = peersOn("Redis");
export const peersAtDefaults = atDefaults(peers);

export async function openLocker(
  name: ContestantName,
  opening: Omit<Opening, "variant">,
): Promise<Locker> {
  const { variant, load } = contestant(name);
  const { open } = await load();
  return open({ ...opening, variant });
}
