import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { IDLE_MEMORY_MS } from "holdfast/backend";
import type * as Sqlite from "holdfast/sqlite";
import type { Copy, Subject } from "./subject.ts";

export async function sqliteSubject(copy: Copy): Promise<Subject> {
  const { sqlite } = await copy.load<typeof Sqlite>("backends/sqlite/index.js");
  return {
    async simulated(now) {
      const folder = await mkdtemp(join(tmpdir(), "holdfast-mutant-"));
      return {
        backend: () => sqlite(join(folder, "store.db"), { now }),
        close: () => rm(folder, { recursive: true }),
      };
    },
    async environment() {
      let now = 1_700_000_000_000;
      const folder = await mkdtemp(join(tmpdir(), "holdfast-mutant-"));
      return {
        backend: () => sqlite(join(folder, "store.db"), { now: () => now }),
        advance: (ms) => void (now += ms),
        cleanUp: async () => void (now += IDLE_MEMORY_MS + 1),
        close: () => rm(folder, { recursive: true }),
      };
    },
  };
}
