/**
 * A counter that is read, increased, and written back. Between GET and SET others do the same, and their
 * increments are overwritten.
 *
 * node build/examples/broken/get-then-set.js redis://127.0.0.1:6379
 */
import { connect } from "holdfast";
import { Redis } from "ioredis";
import { crowd } from "./pace.ts";

const [url = "redis://127.0.0.1:6379"] = process.argv.slice(2);
const TASKS = 8;
const STEPS = 50;

// #region broken
const redis = new Redis(url);

async function brokenIncrement(key: string): Promise<void> {
  const count = Number((await redis.get(key)) ?? 0);
  await redis.set(key, String(count + 1));
}
// #endregion

// #region ours
const hf = await connect(url);
const counters = hf.records<{ readonly count: number }>("counters");

async function ourIncrement(key: string): Promise<void> {
  await counters.update(key, (counter) => ({ count: (counter?.count ?? 0) + 1 }));
}
// #endregion

await crowd(TASKS, STEPS, () => brokenIncrement("visits"));
await crowd(TASKS, STEPS, () => ourIncrement("visits"));
const broken = Number(await redis.get("visits"));
const ours = (await counters.get("visits"))?.value.count;
console.log(JSON.stringify({ expected: TASKS * STEPS, broken, ours }));
await hf.close();
redis.disconnect();
