import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { IDLE_MEMORY_MS } from "holdfast/backend";
import { sqlite } from "holdfast/sqlite";
import { conformance } from "holdfast/testkit";
import { findDriver } from "#src/backends/sqlite/driver.js";

conformance({
  test,
  name: "sqlite",
  open() {
    let now = 1_700_000_000_000;
    const directory = mkdtempSync(join(tmpdir(), "holdfast-"));
    const file = join(directory, "locks.db");
    return {
      backend: () => sqlite(file, { now: () => now }),
      advance: (ms) => void (now += ms),
      cleanUp: async () => void (now += 2 * IDLE_MEMORY_MS),
      /* The server is the file: processes that come after the last one has closed it find what is in it. */
      restart: async () => {},
      footprint() {
        const database = findDriver().open(file);
        const row = database.prepare("SELECT count(*) AS count FROM holdfast_lock").get();
        database.close();
        return (row as { readonly count: number }).count;
      },
      close: () => rmSync(directory, { recursive: true }),
    };
  },
});

conformance({
  test,
  name: "sqlite in memory",
  skip: [
    {
      case: "tokens: grow over a restart of the store, and durable leases outlive it",
      reason: "the store is this process's memory: its restart is another store",
    },
  ],
  open() {
    let now = 1_700_000_000_000;
    const database = findDriver().open(":memory:");
    return {
      backend: () => sqlite(database, { now: () => now }),
      advance: (ms) => void (now += ms),
      cleanUp: async () => void (now += 2 * IDLE_MEMORY_MS),
      close: () => void database.close(),
    };
  },
});
