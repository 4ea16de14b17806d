import { holdfast } from "./writers/holdfast.ts";
import { incr, lockedSet, rawCas, watch } from "./writers/redis.ts";
import { immediate, versionColumn } from "./writers/sqlite.ts";
import type { Open } from "./writers/writer.ts";

export const STORES = ["redis", "sqlite"] as const;
export type StoreName = (typeof STORES)[number];

const OURS: Readonly<Record<string, Open>> = {
  adaptive: holdfast("adaptive"),
  optimistic: holdfast("optimistic"),
  pessimistic: holdfast("pessimistic"),
};

/** By store, ours first. `floor` is what the uncontended update is compared with. */
export const CONTESTANTS: Readonly<Record<StoreName, Readonly<Record<string, Open>>>> = {
  redis: {
    ...OURS,
    "read + conditional write": rawCas,
    "WATCH/MULTI": watch,
    "redis-semaphore + SET": lockedSet,
    "INCR, no edit": incr,
  },
  sqlite: {
    ...OURS,
    "version column": versionColumn,
    "BEGIN IMMEDIATE": immediate,
  },
};

/** What is compared with an uncontended update of ours. */
export const FLOOR: Readonly<Record<StoreName, string>> = {
  redis: "read + conditional write",
  sqlite: "version column",
};

export const OUR_NAMES = Object.keys(OURS);
