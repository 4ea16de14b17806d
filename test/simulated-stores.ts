import { memory, MemoryStore } from "holdfast/memory";
import type { SimulatedStore } from "holdfast/testkit";

/** The stores that programs can be run on, by name. */
export const SIMULATED_STORES: Readonly<
  Record<string, (wall: () => number) => SimulatedStore | Promise<SimulatedStore>>
> = {
  memory(wall) {
    const store = new MemoryStore({ wall });
    return { backend: () => memory(store), close() {} };
  },
};
