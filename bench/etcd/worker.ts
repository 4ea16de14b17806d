import { connect, type Lease } from "holdfast";
import { quantile } from "../statistics.ts";
import { now } from "../stopwatch.ts";
import { base64, call, pair, watch } from "./raw.ts";

/** A process that is told by messages what to do, and measures it. */
const port = Number(process.argv[2]);
const hf = await connect(`etcd://127.0.0.1:${port}`, { namespace: "bench" });
let held: Lease | undefined;
let heard: (at: number) => void = () => undefined;

async function lease(): Promise<string> {
  const { ID } = await call(port, "/v3/lease/grant", { TTL: "60", ID: "0" });
  return String(ID);
}

async function timed(times: number, step: () => Promise<unknown>): Promise<number[]> {
  const took: number[] = [];
  for (let count = 0; count < times; count += 1) {
    const from = now();
    await step();
    took.push(now() - from);
  }
  return took;
}

/** All callers for a while: how often each of them got through. */
async function callers(
  count: number,
  ms: number,
  step: (caller: number) => Promise<unknown>,
): Promise<number[]> {
  const shares = Array.from({ length: count }, () => 0);
  const until = now() + ms;
  await Promise.all(
    shares.map(async (_, caller) => {
      while (now() < until) {
        await step(caller);
        shares[caller] = (shares[caller] ?? 0) + 1;
      }
    }),
  );
  return shares;
}

export const tasks = {
  /** In turns, block by block, so that both meet the same machine. */
  async pairs(times: number) {
    const id = await lease();
    const [raw, ours]: [number[], number[]] = [[], []];
    const lock = hf.mutex("uncontended");
    for (let block = 0; block < 10; block += 1) {
      raw.push(...(await timed(times / 10, () => pair(port, "raw/uncontended/x", id))));
      ours.push(...(await timed(times / 10, async () => (await lock.lock()).release())));
    }
    return { raw: quantile(raw, 0.5), ours: quantile(ours, 0.5) };
  },
  async keys({ count, ms }: { count: number; ms: number }) {
    const id = await lease();
    const raw = await callers(count, ms, (caller) => pair(port, `raw/keys-${caller}/x`, id));
    const lock = async (caller: number): Promise<void> =>
      (await hf.mutex(`key ${caller}`).lock()).release();
    const ours = await callers(count, ms, lock);
    const perSecond = (shares: readonly number[]): number =>
      (shares.reduce((sum, each) => sum + each, 0) * 1_000) / ms;
    return { raw: perSecond(raw), ours: perSecond(ours) };
  },
  crowd: ({ count, ms }: { count: number; ms: number }) =>
    callers(count, ms, async () => (await hf.mutex("crowd").lock()).release()),
  async lock() {
    held = await hf.mutex("handover").lock();
    return now();
  },
  async release() {
    const at = now();
    await held?.release();
    return at;
  },
  listen: () => watch(port, "raw/", () => heard(now())),
  /** Resolves when the watch has told something. */
  hear: () => new Promise<number>((resolve) => (heard = resolve)),
  async put() {
    const at = now();
    await call(port, "/v3/kv/put", { key: base64("raw/event/x"), value: base64("x".repeat(100)) });
    return at;
  },
};

process.on("message", ({ id, task, argument }: { id: number; task: keyof typeof tasks; argument: never }) => {
  (tasks[task] as (argument: never) => Promise<unknown>)(argument).then(
    (value) => process.send?.({ id, value }),
    (error: Error) => process.send?.({ id, error: error.stack }),
  );
});
process.once("disconnect", () => process.exit());
process.send?.({ id: 0 });
