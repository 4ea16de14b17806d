import assert from "node:assert/strict";
import { setImmediate as turn, setTimeout as wait } from "node:timers/promises";
import { systemClock } from "../clock.ts";

/** How long a push may take. Generous: a store without push channel polls. */
const SETTLE_MAX_MS = 5_000;

/** Waits, in real time, for something that a backend does by itself: until `look` finds it. */
export async function settle<T>(what: string, look: () => T | undefined): Promise<T> {
  const start = systemClock.now();
  for (let turns = 0; systemClock.now() - start < SETTLE_MAX_MS; turns += 1) {
    const found = look();
    if (found !== undefined) return found;
    await (turns < 20 ? turn() : wait(5));
  }
  assert.fail(`${what}: not within ${SETTLE_MAX_MS} ms`);
}
