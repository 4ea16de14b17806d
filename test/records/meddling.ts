import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import type { Backend, Write, WriteOutcome } from "holdfast/backend";
import { BackendError, Coordinator, type CoordinatorOptions } from "holdfast";
import { memory, MemoryStore } from "holdfast/memory";

/** What befalls the writes of one coordinator on their way to the store and back. */
export interface Meddler {
  /** All writes that the store was asked for. */
  readonly writes: (readonly Write[])[];
  before: (writes: readonly Write[]) => Promise<void> | void;
  after: (outcome: WriteOutcome) => Promise<void> | void;
  /** Before a read. */
  reading: () => Promise<void> | void;
}

export interface Meddled {
  readonly hf: Coordinator;
  readonly meddler: Meddler;
}

/** A coordinator on the store whose reads and writes can be held up, lost, or answered by nobody. */
export function meddled(store = new MemoryStore(), options: CoordinatorOptions = {}): Meddled {
  const backend = memory(store);
  const meddler: Meddler = { writes: [], before: () => {}, after: () => {}, reading: () => {} };
  const between: Backend = {
    ...backend,
    async read(collection, key) {
      await meddler.reading();
      return backend.read(collection, key);
    },
    async write(writes) {
      meddler.writes.push(writes);
      await meddler.before(writes);
      const outcome = await backend.write(writes);
      await meddler.after(outcome);
      return outcome;
    },
  };
  return { hf: new Coordinator(between, options), meddler };
}

export function lost(operation = "write"): BackendError {
  return new BackendError("memory", operation, "unknown", { detail: "the reply was lost" });
}

/** A promise and the way to keep it. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open: () => open() };
}

export interface Counter {
  readonly n: number;
}

export const increment = (value: Counter | null): Counter => ({ n: (value?.n ?? 0) + 1 });

export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** Waits until it is so. */
export async function eventually(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await isSo())) {
    assert.ok(performance.now() < end, `${what}: not within 10 s`);
    await setTimeout(1);
  }
}
