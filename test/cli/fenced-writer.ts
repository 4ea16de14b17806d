import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { connect, StaleTokenError } from "holdfast";

/**
 * A command under `holdfast run` that guards its write with the token it was given: waits for the
 * file `go`, writes the record, tells the outcome, and stays until the file `leave` is there.
 */
const [url = "", key = "", go = "", leave = ""] = process.argv.slice(2);
const { LOCK_NAME = "", LOCK_TOKEN = "" } = process.env;
console.log(process.pid);
await existence(go);
const hf = await connect(url);
try {
  const fence = { resource: LOCK_NAME, token: BigInt(LOCK_TOKEN) };
  await hf.records<string>("cli").put(key, LOCK_TOKEN, { fence });
  console.log("written");
} catch (error) {
  if (!(error instanceof StaleTokenError)) throw error;
  console.log("refused");
}
await hf.close();
await existence(leave);

async function existence(file: string): Promise<void> {
  while (!existsSync(file)) await delay(10);
}
