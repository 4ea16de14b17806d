import { connect, LockTimeoutError } from "holdfast";

const hf = await connect("memory:");

// #region use
// Taken in one order everywhere, so that two transfers in opposite directions cannot wait for each other.
const transfer = (from: string, to: string, move: () => Promise<void>): Promise<void> =>
  hf.all(hf.mutex(from), hf.mutex(to), hf.rwLock("rates").read).withLock(move, { waitMs: 500 });

await Promise.all([
  transfer("account:1", "account:2", async () => console.log("1 → 2")),
  transfer("account:2", "account:1", async () => console.log("2 → 1")),
]);
// #endregion

// All or nothing: the account that was free is free again afterwards.
const held = await hf.mutex("account:2").lock();
const failure = await transfer("account:1", "account:2", async () => {}).catch((error) => error);
if (!(failure instanceof LockTimeoutError)) throw new Error("it did not wait in vain");
if ((await hf.mutex("account:1").tryLock()) === null) throw new Error("account:1 was kept");
await held.release();
await hf.close();
