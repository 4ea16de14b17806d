import { connect, type Lease } from "holdfast";
import { median } from "../statistics.ts";
import type { ContestantProcess } from "./contestant.ts";
import { RawClient } from "./raw-client.ts";

/** A process with Holdfast's locks, told by messages what to do. */
const [servers = ""] = process.argv.slice(2);
const hf = await connect(`zookeeper://${servers}`, { namespace: "bench" });
let held: Lease | undefined;

const micros = (): number => (performance.timeOrigin + performance.now()) * 1_000;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** `/bench/name` is the lock "name" of the namespace "bench". */
const nameOf = (path: string): string => path.slice("/bench/".length);

async function timed(times: number, step: () => Promise<unknown>): Promise<number> {
  const took: number[] = [];
  for (let count = 0; count < times; count++) {
    const from = performance.now();
    await step();
    took.push(performance.now() - from);
  }
  return median(took);
}

async function inCallers(count: number, ms: number, nameFor: (caller: number) => string) {
  const shares = Array.from({ length: count }, () => 0);
  const moments: number[] = [];
  const end = { isOver: false };
  const callers = shares.map(async (_, caller) => {
    const lock = hf.mutex(nameFor(caller));
    while (!end.isOver) {
      const lease = await lock.lock();
      const at = micros();
      await lease.release();
      if (end.isOver) return;
      shares[caller]! += 1;
      moments.push(at);
    }
  });
  await sleep(ms);
  end.isOver = true;
  await Promise.all(callers);
  return { shares, moments };
}

const tasks: Omit<ContestantProcess, "end"> = {
  async pairs(path, times) {
    const lock = hf.mutex(nameOf(path));
    return timed(times, async () => (await lock.lock()).release());
  },
  async rawPairs(path, times) {
    const client = await RawClient.open(servers);
    const parents = path.split("/").map((_, at, parts) => parts.slice(0, at + 1).join("/"));
    for (const parent of parents.slice(1)) await client.make(parent);
    const data = "x".repeat(150);
    const result = await timed(times, async () => {
      await client.delete(await client.createSequential(`${path}/raw-`, data));
    });
    client.close();
    return result;
  },
  async keys(path, count, ms) {
    const { moments } = await inCallers(count, ms, (caller) => `${nameOf(path)}-${caller}`);
    return (moments.length * 1_000) / ms;
  },
  async contend(path, callers, startAt, ms) {
    await sleep(Math.max(0, (startAt - micros()) / 1_000));
    return inCallers(callers, ms, () => nameOf(path));
  },
  async hold(path) {
    held = await hf.mutex(nameOf(path)).lock();
    return micros();
  },
  async release() {
    const at = micros();
    await held?.release();
    return at;
  },
};

process.on("message", ({ id, task, args }: { id: number; task: keyof typeof tasks; args: never[] }) => {
  (tasks[task] as (...args: never[]) => Promise<unknown>)(...args).then(
    (value) => process.send?.({ id, value }),
    (error: Error) => process.send?.({ id, error: error.stack }),
  );
});
process.once("disconnect", () => process.exit());
process.send?.({ id: 0 });
