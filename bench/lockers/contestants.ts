import type { Locker, Open, Opening } from "./locker.ts";

interface Contestant {
  readonly role: "floor" | "holdfast" | "peer";
  readonly variant: "default" | "tight" | "strict";
  /** Its mean time between two looks at a lock it waits for; 0 where it is told. */
  readonly pollMs: number;
  load(): Promise<{ readonly open: Open }>;
}

const floor = { role: "floor", variant: "default", pollMs: 0 } as const;
const holdfast = { role: "holdfast", variant: "default", pollMs: 0 } as const;

function peer(pollMs: number, load: Contestant["load"]): Contestant {
  return { role: "peer", variant: "default", pollMs, load };
}

function tight(load: Contestant["load"]): Contestant {
  return { role: "peer", variant: "tight", pollMs: 1, load };
}

const redlock = () => import("./redlock.ts");
const redisSemaphore = () => import("./redis-semaphore.ts");
const verrou = () => import("./verrou.ts");
const redlockUniversal = () => import("./redlock-universal.ts");
const simpleRedisMutex = () => import("./simple-redis-mutex.ts");
const overRedis = () => import("./holdfast-redis.ts");

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
} as const satisfies Record<string, Contestant>;

export type ContestantName = keyof typeof CONTESTANTS;

export function contestant(name: ContestantName): Contestant {
  return CONTESTANTS[name];
}

export const contestantNames = Object.keys(CONTESTANTS) as readonly ContestantName[];

function named(select: (contestant: Contestant) => boolean): readonly ContestantName[] {
  return contestantNames.filter((name) => select(CONTESTANTS[name]));
}

/** Settings for waiting change nothing where nobody waits. */
export const peersAtDefaults = named(({ role }) => role === "peer").filter(
  (name) => !name.endsWith(" tight"),
);
export const peers = named(({ role }) => role === "peer");

export async function openLocker(
  name: ContestantName,
  opening: Omit<Opening, "variant">,
): Promise<Locker> {
  const { variant, load } = contestant(name);
  const { open } = await load();
  return open({ ...opening, variant });
}
