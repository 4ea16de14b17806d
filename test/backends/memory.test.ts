import { test } from "node:test";
import { IDLE_MEMORY_MS } from "holdfast/backend";
import { memory, MemoryStore } from "holdfast/memory";
import { conformance } from "holdfast/testkit";

conformance({
  test,
  name: "memory",
  skip: [
    {
      case: "tokens: grow over a restart of the store, and durable leases outlive it",
      reason: "the store is this process's memory: its restart is another store",
    },
  ],
  open() {
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
});
