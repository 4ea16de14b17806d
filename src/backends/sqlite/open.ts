import { resolve } from "node:path";
import type { Clock } from "../../clock.ts";
import { attempt } from "./attempt.ts";
import { findDriver, type SqliteDatabase, type SqliteDriver } from "./driver.ts";
import { failure, whyNotOpenable } from "./failure.ts";
import { untilFree } from "./retry.ts";
import { configure, createTables, type Synchronous } from "./schema.ts";

export interface OpenOptions {
  readonly clock: Clock;
  readonly busyMs: number;
  readonly driver: SqliteDriver | undefined;
  readonly synchronous: Synchronous;
}

export interface Opened {
  readonly database: SqliteDatabase;
  readonly driver: string;
  /** Opens the same file once more; undefined: the handle is the application's, or in memory. */
  readonly again: (() => SqliteDatabase) | undefined;
  close(): void;
}

/** An open database in write-ahead mode with Holdfast's tables in it. */
export async function openDatabase(
  source: string | SqliteDatabase,
  { clock, busyMs, driver, synchronous }: OpenOptions,
): Promise<Opened> {
  const opened =
    typeof source === "string"
      ? openFile(source, driver)
      : { database: source, driver: "the application's handle", again: undefined, close() {} };
  const { database } = opened;
  try {
    await untilFree(clock, busyMs, "open", () => configure(database, synchronous));
    await untilFree(clock, busyMs, "open", () => createTables(database));
    return opened;
  } catch (error) {
    opened.close();
    throw error;
  }
}

function openFile(source: string, asked: SqliteDriver | undefined): Opened {
  const inMemory = source === ":memory:";
  const file = inMemory ? source : resolve(source);
  try {
    const reason = inMemory ? undefined : whyNotOpenable(file);
    if (reason !== undefined) throw new Error(reason);
    const { name, open } = findDriver(asked);
    const database = open(file);
    return {
      database,
      driver: name,
      again: inMemory ? undefined : () => open(file),
      close: () => void attempt(() => database.close()),
    };
  } catch (error) {
    throw failure("open", error);
  }
}
