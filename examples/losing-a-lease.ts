import { connect, LeaseLostError } from "holdfast";

const hf = await connect("memory:", { ttlMs: 60 });
const printed: number[] = [];

// #region use
const printing = hf.mutex("printer").withLock(async (lease) => {
  for (const page of [1, 2, 3]) {
    lease.lost.throwIfAborted(); // between steps; or pass it on: fetch(url, { signal: lease.lost })
    await print(page);
  }
});

try {
  await printing;
} catch (error) {
  if (!(error instanceof LeaseLostError)) throw error;
  console.log(error.reason); // expired: this process was held up for longer than the lease lasts
}
// #endregion

/** The second page keeps the event loop for 100 ms, so that nothing can be renewed. */
async function print(page: number): Promise<void> {
  if (page === 2) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  printed.push(page);
}

if (printed.join() !== "1,2") throw new Error(`printed ${printed.join()}`);

// It fails closed: work that looks at nothing is rejected too, once it is done.
const careless = await hf.mutex("printer").withLock(() => print(2)).catch((error) => error);
if (!(careless instanceof LeaseLostError)) throw new Error("the loss went unnoticed");
await hf.close();
