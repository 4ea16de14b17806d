import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { IDLE_MEMORY_MS } from "holdfast/backend";
import { sqlite } from "holdfast/sqlite";
import { conformance } from "holdfast/testkit";

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
      restart: async () => {},
      close: () => rmSync(directory, { recursive: true }),
    };
  },
});
