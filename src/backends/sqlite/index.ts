import type { Backend } from "../../backend.ts";
import { systemClock, type Clock } from "../../clock.ts";
import { DRIVERS, type SqliteDatabase, type SqliteDriver } from "./driver.ts";
import { SYNCHRONOUS, type Synchronous } from "./schema.ts";
import { SqliteBackend } from "./sqlite-backend.ts";

export interface SqliteOptions {
  /**
   * Take this driver, instead of the first that is present of node:sqlite, better-sqlite3 and
   * libsql.
   */
  readonly driver?: SqliteDriver;
  /**
   * How long a call tries while other processes have the write lock, in milliseconds; then it fails
   * with outcome `not-applied`. Default 4,000, which is before a coordinator gives up on the call.
   */
  readonly busyMs?: number;
  /**
   * What a power cut may take: `normal` (default), the last commits of all processes; `full`,
   * nothing, at the price of one disk flush per commit. A crash of processes takes nothing either
   * way.
   */
  readonly synchronous?: Synchronous;
  /** The store's clock, ms since 1970. Default: this machine's. */
  readonly now?: () => number;
  /** For retries; a simulator gives its own. */
  readonly clock?: Clock;
}

const BUSY_MS = 4_000;
const BUSY_MAX_MS = 3_600_000;

/**
 * Locks and records in one SQLite file, for all processes of one machine. Leases outlive restarts,
 * and so do records. Needs a local disk: SQLite's locks do not hold on network file systems.
 *
 * Give a path, or `:memory:` for a store of this backend alone. Or give an open database
 * (`DatabaseSync` of node:sqlite, `Database` of better-sqlite3 or libsql), which then is set to
 * write-ahead logging, the `synchronous` above and no busy timeout, and is not closed. While a
 * transaction of yours is open on it, the calls here wait.
 *
 * One process must not have the same file open through two drivers: each brings an SQLite of its
 * own, and the system drops the locks of one when the other closes the file. Give Holdfast your
 * handle, or a file of its own.
 *
 * `open` throws BackendError (`not-applied`) when there is no driver, or the file cannot be used,
 * saying what to do about it.
 * @throws TypeError unless given a path or a database
 * @throws RangeError on an option out of its bounds
 */
export function sqlite(fileOrDatabase: string | SqliteDatabase, options: SqliteOptions = {}): Backend {
  const given: unknown = fileOrDatabase;
  const usable =
    typeof given === "string"
      ? given !== ""
      : typeof given === "object" && given !== null && "prepare" in given && "exec" in given;
  if (!usable) {
    throw new TypeError('sqlite() takes a path or an open database, for instance sqlite("./app.db")');
  }
  const { clock = systemClock, busyMs = BUSY_MS, driver, synchronous = "normal" } = options;
  if (!(busyMs >= 0 && busyMs <= BUSY_MAX_MS)) {
    throw new RangeError(`busyMs is from 0 to ${BUSY_MAX_MS}, not ${busyMs}`);
  }
  if (driver !== undefined) oneOf("driver", DRIVERS, driver);
  oneOf("synchronous", SYNCHRONOUS, synchronous);
  const now = options.now ?? (() => clock.wall());
  return new SqliteBackend(fileOrDatabase, { clock, now, busyMs, driver, synchronous });
}

function oneOf(option: string, allowed: readonly string[], given: string): void {
  if (allowed.includes(given)) return;
  throw new RangeError(`${option} is one of ${allowed.join(", ")}, not ${given}`);
}
