import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { BackendError, ConflictError, Coordinator, type Records } from "holdfast";
import type { Backend } from "holdfast/backend";
import { memory, MemoryStore } from "holdfast/memory";
import { systemClock } from "#src/clock.js";
import { Dice } from "#src/testkit/simulator/dice.js";
import { COUNTER, increment } from "./incrementer.ts";

const PROGRAMS = 150;

/**
 * Writes get lost, or their answers, or they arrive again and late; whoever asked hears of an unknown
 * outcome.
 */
class Weather {
  readonly #late = new Set<Promise<unknown>>();

  constructor(readonly dice: Dice) {}

  over(backend: Backend): Backend {
    const { write } = backend;
    const unknown = (): BackendError =>
      new BackendError("memory", "write", "unknown", { detail: "the network failed" });
    backend.write = async (writes) => {
      const fate = this.dice.weighted({ fine: 55, lost: 10, answerLost: 15, late: 10, twice: 10 });
      if (fate === "lost") throw unknown();
      if (fate === "late" || fate === "twice") this.#arriveLate(() => write(writes));
      if (fate === "late") throw unknown();
      await this.#turns(3);
      const outcome = await write(writes);
      await this.#turns(3);
      if (fate === "answerLost") throw unknown();
      return outcome;
    };
    return backend;
  }

  async clear(): Promise<void> {
    while (this.#late.size > 0) await Promise.all(this.#late);
  }

  #arriveLate(arrive: () => Promise<unknown>): void {
    const arriving = this.#turns(60).then(arrive);
    this.#late.add(arriving);
    void arriving.finally(() => this.#late.delete(arriving));
  }

  async #turns(most: number): Promise<void> {
    for (let left = this.dice.between(0, most); left > 0; left -= 1) await turn();
  }
}

/** Until it is acknowledged, under one `opId`; some give up before, and leave it unknown. */
async function insist(numbers: Records<number>, opId: string, tries: number): Promise<boolean> {
  for (let left = tries; left > 0; left -= 1) {
    try {
      await increment(numbers, opId);
      return true;
    } catch (error) {
      assert.ok(error instanceof BackendError && error.outcome === "unknown", String(error));
      assert.equal(error.opId, opId);
    }
  }
  return false;
}

async function program(seed: number): Promise<void> {
  const dice = new Dice(seed);
  const weather = new Weather(dice);
  const store = new MemoryStore();
  // Pauses between tries become short.
  const clock = {
    ...systemClock,
    timer: (ms: number, fire: () => void, options: { readonly keepAlive: boolean }) =>
      systemClock.timer(ms > 1_000 ? ms : ms / 1_000, fire, options),
  };
  const coordinators = [1, 2, 3].map(() => new Coordinator(weather.over(memory(store)), { clock }));
  const counters = coordinators.map((hf) => hf.records<number>("c"));
  const opIds = Array.from({ length: 12 }, (_, at) => `op.${at}`);
  const acknowledged = await Promise.all(
    opIds.map((opId, at) => insist(counters[at % 3]!, opId, dice.between(1, 3))),
  );

  const onlooker = new Coordinator(memory(store)).records<number>("c");
  const made = (await onlooker.history(COUNTER)).map(({ opId }) => opId);
  for (const [at, opId] of opIds.entries()) {
    assert.ok(!acknowledged[at] || made.includes(opId), `${opId} was acknowledged, and lost`);
  }
  // Settled by somebody else, while what is late arrives.
  await Promise.all([...opIds.map((opId) => increment(onlooker, opId)), weather.clear()]);
  const history = await onlooker.history(COUNTER);
  assert.deepEqual(history.map(({ opId }) => opId).sort(), [...opIds].sort(), "each has one effect");
  for (const [at, { value, parents }] of history.entries()) {
    assert.equal(value, history.length - at);
    assert.deepEqual(parents, at === history.length - 1 ? [] : [history[at + 1]!.revision]);
  }
  for (const hf of coordinators) await hf.close();
}

test(`over bad networks, each of ${PROGRAMS} × 12 increments has one effect once it is settled`, async () => {
  for (let seed = 1; seed <= PROGRAMS; seed += 30) {
    const seeds = Array.from({ length: 30 }, (_, at) => seed + at);
    await Promise.all(
      seeds.map((each) =>
        program(each).catch((cause: unknown) => {
          throw new Error(`seed ${each}: ${String(cause)}`, { cause });
        }),
      ),
    );
  }
});

test("an unknown write whose condition can never hold again is known to be refused", async () => {
  const store = new MemoryStore();
  const backend = memory(store);
  const hf = new Coordinator(backend);
  const numbers = hf.records<number>("c");
  const first = await numbers.put("n", 1);
  const { write } = backend;
  backend.write = async () => {
    backend.write = write;
    await new Coordinator(memory(store)).records("c").put("n", 2);
    throw new BackendError("memory", "write", "unknown", { detail: "the request was lost" });
  };
  await assert.rejects(numbers.put("n", 3, { ifRevision: first.revision }), ConflictError);
  assert.equal((await numbers.get("n"))?.value, 2);
  await hf.close();
});
