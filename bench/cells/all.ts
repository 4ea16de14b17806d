import type { Cell } from "../cell.ts";
import { drain } from "./drain.ts";
import { handover, handoverOnMariaDb, handoverOnPostgres } from "./handover.ts";
import { heldLeases } from "./held-leases.ts";
import { manyKeys } from "./many-keys.ts";
import { oneKeyInMemory, oneKeyManyProcesses, oneKeyOnPostgres, oneKeyOneProcess } from "./one-key.ts";
import { pairInMemory, pairOnMariaDb, pairOnPostgres, pairOnRedis, pairOnSqlite } from "./pair.ts";
import { waitersOnMariaDb, waitersOnPostgres } from "./sql-waiters.ts";
import { sqliteCrowdManyKeys, sqliteCrowdOneKey } from "./sqlite-crowd.ts";
import { waiters } from "./waiters.ts";

const locks: readonly Cell[] = [
  pairOnRedis,
  manyKeys,
  oneKeyOneProcess,
  oneKeyManyProcesses,
  handover,
  waiters,
  drain,
  heldLeases,
  pairOnSqlite,
  sqliteCrowdOneKey,
  sqliteCrowdManyKeys,
  pairInMemory,
  oneKeyInMemory,
];

const sql: readonly Cell[] = [
  pairOnPostgres,
  oneKeyOnPostgres,
  handoverOnPostgres,
  waitersOnPostgres,
  pairOnMariaDb,
  handoverOnMariaDb,
  waitersOnMariaDb,
];

/** What one run measures, on servers of its own. */
export const suites = { locks, sql } as const;

export type SuiteName = keyof typeof suites;
