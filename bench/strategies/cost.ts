import { channel } from "node:diagnostics_channel";
import { connect, type Coordinator } from "holdfast";

/**
 * What measuring costs: a lock and a write on memory, with nobody listening and with everything counted. CPU
 * time, since others may use the machine. Variants take turns, so that all meet the same conditions.
 */
const ROUNDS = 15;
const TIMES = 4_000;

interface Counter {
  readonly n: number;
}

async function work(hf: Coordinator): Promise<number> {
  const records = hf.records<Counter>("counters");
  const before = process.cpuUsage();
  for (let time = 0; time < TIMES; time += 1) {
    await hf.mutex("order:1").withLock(() => 1);
    await records.put("n", { n: time });
    if (time % 50 === 0) await records.update("n", (value) => ({ n: value!.n + 1 }));
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / TIMES;
}

const variants = {
  "nobody listens": (): void => {},
  "everything counted": (hf: Coordinator): void => void hf.measures(),
};

const best = new Map<string, number>();
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, listen] of Object.entries(variants)) {
    const hf = await connect("memory:");
    listen(hf);
    best.set(name, Math.min(best.get(name) ?? Infinity, await work(hf)));
    await hf.close();
  }
}
for (const [name, cost] of best) {
  console.log(`${name}: ${cost.toFixed(2)} µs of CPU for a lock and a write`);
}

/** What the library does for an event: a look at its channel, and a payload only if there is a listener. */
const channels = new Map([["bench:unheard", channel("bench:unheard")]]);
function emit(name: string, payload: () => unknown): void {
  const to = channels.get(name);
  if (to?.hasSubscribers === true) to.publish(payload());
}
const EMITS = 5_000_000;
const before = process.cpuUsage();
for (let time = 0; time < EMITS; time += 1) emit("bench:unheard", () => ({ backend: "memory", time }));
const { user } = process.cpuUsage(before);
console.log(`an event that nobody hears: ${((user * 1_000) / EMITS).toFixed(1)} ns`);
