import type { Cell } from "../cell.ts";
import { drain } from "./drain.ts";
import { handover } from "./handover.ts";
import { heldLeases } from "./held-leases.ts";
import { manyKeys } from "./many-keys.ts";
import { oneKeyInMemory, oneKeyManyProcesses, oneKeyOneProcess } from "./one-key.ts";
import { pairInMemory, pairOnRedis, pairOnSqlite } from "./pair.ts";
import { sqliteCrowdManyKeys, sqliteCrowdOneKey } from "./sqlite-crowd.ts";
import { waiters } from "./waiters.ts";

export const cells: readonly Cell[] = [
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
