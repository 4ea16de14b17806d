/**
 * WATCH protects a transaction of the same connection. Over a pool each command takes the next free one: the
 * WATCH stands on one, the EXEC on another, which watches nothing.
 *
 * node build/examples/broken/watch-on-a-pool.js redis://127.0.0.1:6379
 */
import { connect } from "holdfast";
import { Redis } from "ioredis";
import { crowd } from "./pace.ts";

const [url = "redis://127.0.0.1:6379"] = process.argv.slice(2);
const TASKS = 8;
const STEPS = 50;

interface Account {
  readonly balance: number;
}

// #region broken
const connections = [new Redis(url), new Redis(url), new Redis(url)];
let turn = 0;
const pool = (): Redis => connections[turn++ % connections.length]!;

async function brokenDeposit(key: string): Promise<void> {
  for (;;) {
    await pool().watch(key);
    const account = JSON.parse((await pool().get(key)) ?? '{"balance":0}') as Account;
    const next = JSON.stringify({ balance: account.balance + 1 });
    const done = await pool().multi().set(key, next).exec();
    if (done !== null) return; // null: somebody changed it, try again
  }
}
// #endregion

// #region ours
const hf = await connect(url);
const accounts = hf.records<Account>("accounts");

async function ourDeposit(key: string): Promise<void> {
  await accounts.update(key, (account) => ({ balance: (account?.balance ?? 0) + 1 }));
}
// #endregion

await crowd(TASKS, STEPS, () => brokenDeposit("ann"));
await crowd(TASKS, STEPS, () => ourDeposit("ann"));
const broken = (JSON.parse((await pool().get("ann")) ?? "null") as Account | null)?.balance;
const ours = (await accounts.get("ann"))?.value.balance;
console.log(JSON.stringify({ expected: TASKS * STEPS, broken, ours }));
await hf.close();
for (const connection of connections) connection.disconnect();
