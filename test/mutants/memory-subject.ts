import { IDLE_MEMORY_MS } from "holdfast/backend";
import type * as Memory from "holdfast/memory";
import type { Copy, Subject } from "./subject.ts";

export async function memorySubject(copy: Copy): Promise<Subject> {
  const { memory, MemoryStore } = await copy.load<typeof Memory>("backends/memory/index.js");
  return {
    simulated(wall) {
      const store = new MemoryStore({ wall });
      return { backend: () => memory(store), close() {} };
    },
    environment() {
      let now = 1_700_000_000_000;
      const store = new MemoryStore({ wall: () => now });
      return {
        backend: () => memory(store),
        advance: (ms) => void (now += ms),
        cleanUp: async () => void (now += IDLE_MEMORY_MS + 1),
        footprint: () => store.locks.size,
        close() {},
      };
    },
  };
}
