import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memory, MemoryStore } from "holdfast/memory";
import { sqlite } from "holdfast/sqlite";
import type { SimulatedStore } from "holdfast/testkit";

/** The stores that programs can be run on, by name. */
export const SIMULATED_STORES: Readonly<
  Record<string, (wall: () => number) => SimulatedStore | Promise<SimulatedStore>>
> = {
  memory(wall) {
    const store = new MemoryStore({ wall });
    return { backend: () => memory(store), close() {} };
  },

  async sqlite(now) {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-simulation-"));
    return {
      backend: () => sqlite(join(folder, "store.db"), { now }),
      close: () => rm(folder, { recursive: true }),
    };
  },
};
