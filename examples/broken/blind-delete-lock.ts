/**
 * A lock that its release deletes without looking whose it is. Ann's work takes longer than the lock lasts,
 * Bob gets the lock, and Ann's release deletes Bob's: Cas comes in while Bob is inside.
 *
 * node build/examples/broken/blind-delete-lock.js redis://127.0.0.1:6379
 */
import { connect } from "holdfast";
import { Redis } from "ioredis";
import { pause, Room } from "./pace.ts";

const [url = "redis://127.0.0.1:6379"] = process.argv.slice(2);
const TTL_MS = 400;
const WORK_MS = 600;

// #region broken
const redis = new Redis(url);

async function withBrokenLock(name: string, work: () => Promise<void>): Promise<void> {
  while ((await redis.set(name, "locked", "PX", TTL_MS, "NX")) === null) await pause(10);
  try {
    await work();
  } finally {
    await redis.del(name);
  }
}
// #endregion

// #region ours
const hf = await connect(url, { ttlMs: TTL_MS });

async function withOurLock(name: string, work: (lost: AbortSignal) => Promise<void>): Promise<void> {
  await hf.mutex(name).withLock((lease) => work(lease.lost));
}
// #endregion

async function three(
  withLock: (name: string, work: (lost?: AbortSignal) => Promise<void>) => Promise<void>,
): Promise<number> {
  const room = new Room();
  const visit = (): Promise<void> =>
    withLock("invoice:42", async (lost) => {
      room.enter();
      let isInside = true;
      const leave = (): void => {
        if (isInside) room.leave();
        isInside = false;
      };
      lost?.addEventListener("abort", leave);
      await pause(WORK_MS);
      leave();
    });
  const ann = visit();
  await pause(TTL_MS / 2);
  const [bob, cas] = [visit(), visit()];
  await Promise.all([ann, bob, cas]);
  return room.most;
}

const broken = await three(withBrokenLock);
const ours = await three(withOurLock);
console.log(JSON.stringify({ broken, ours }));
await hf.close();
redis.disconnect();
