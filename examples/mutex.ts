import { setTimeout as sleep } from "node:timers/promises";
import { connect, LockTimeoutError } from "holdfast";

// Another store is another URL: sqlite:./app.db, redis://127.0.0.1:6379
const hf = await connect("memory:", { namespace: "billing" });

// #region use
const invoice = hf.mutex("invoice:42"); // a description: no I/O yet
let total = 0;

// One at a time, first come, first served. Rejects with LeaseLostError if exclusivity lapsed meanwhile.
const add = (amount: number): Promise<void> =>
  invoice.withLock(async (lease) => {
    const before = total;
    await sleep(5, undefined, { signal: lease.lost });
    total = before + amount;
  });
await Promise.all([add(10), add(20), add(30)]);
console.log(`total ${total}`);
// #endregion

// #region wait
const lease = await invoice.lock(); // or, on Node 24: await using lease = …
try {
  await invoice.lock({ waitMs: 50 });
} catch (error) {
  if (!(error instanceof LockTimeoutError)) throw error;
  console.log(`busy: ${error.ahead} ahead`);
}
console.log(`tryLock: ${await invoice.tryLock()}`);
await lease.release();
// #endregion

if (total !== 60) throw new Error(`an update was lost: ${total}`);
await hf.close();
