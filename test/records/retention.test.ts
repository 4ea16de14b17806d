import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { Coordinator } from "holdfast";
import { memory, MemoryStore } from "holdfast/memory";
import { systemClock } from "#src/clock.js";

const HOUR = 3_600_000;

/** A store whose time the test owns, and a coordinator that prunes as soon as it may. */
function opened() {
  let now = 1_700_000_000_000;
  const store = new MemoryStore({ wall: () => now });
  // No jitter, and pauses of seconds become milliseconds.
  const clock = {
    ...systemClock,
    random: () => 0,
    timer: (ms: number, fire: () => void, options: { readonly keepAlive: boolean }) =>
      systemClock.timer(options.keepAlive ? ms : ms / 1_000, fire, options),
  };
  const hf = new Coordinator(memory(store), { clock });
  return { hf, pass: (ms: number) => (now += ms) };
}

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 500; turn += 1) {
    if (await look()) return;
    await wait(10);
  }
  assert.fail(`${what}: not within 5 s`);
}

const write = async (
  on: { put(key: string, value: number): Promise<unknown> },
  count: number,
): Promise<void> => {
  for (let at = 0; at < count; at += 1) await on.put("n", at);
};

test("history that is old and beyond what is kept goes by itself, and opIds with it", async () => {
  const { hf, pass } = opened();
  const numbers = hf.records<number>("numbers", { history: { keep: 10, forMs: HOUR } });
  await numbers.put("n", -1, { opId: "first" });
  await write(numbers, 1_200);
  await wait(50);
  assert.equal((await numbers.history("n", { limit: 10_000 })).length, 1_201, "young history stays");
  await numbers.put("n", -1, { opId: "first" });
  pass(HOUR + 1);
  await write(numbers, 500);
  await until("old history goes", async () => (await numbers.history("n", { limit: 10_000 })).length === 500);
  pass(HOUR + 1);
  await write(numbers, 3);
  assert.equal((await numbers.history("n", { limit: 10_000 })).length, 503, "not at every write");
  await hf.close();
});

test("nothing goes that a reader has not seen, who is waited for a month", async () => {
  const { hf, pass } = opened();
  const numbers = hf.records<number>("numbers", { history: { keep: 1, forMs: HOUR } });
  await write(numbers, 100);
  const checkpoint = await numbers.checkpoint();
  await numbers.readers.keep("mailer", checkpoint);
  await write(numbers, 100);
  pass(HOUR + 1);
  await write(numbers, 500);
  await until(
    "what it has seen goes",
    async () => (await numbers.history("n", { limit: 10_000 })).length === 600,
  );
  await wait(50);
  const page = await numbers.changes({ after: checkpoint, limit: 1_000 });
  assert.ok(page.kind === "page" && page.versions.length === 600);
  pass(31 * 24 * HOUR);
  await write(numbers, 500);
  await until("all goes", async () => (await numbers.history("n", { limit: 10_000 })).length === 500);
  assert.equal((await numbers.changes({ after: checkpoint })).kind, "reset");
  await hf.close();
});

test("collections that were not declared keep all of their history", async () => {
  const { hf, pass } = opened();
  const numbers = hf.records<number>("numbers");
  await write(numbers, 600);
  pass(365 * 24 * HOUR);
  await write(numbers, 600);
  await wait(50);
  assert.equal((await numbers.history("n", { limit: 10_000 })).length, 1_200);
  await hf.close();
});
