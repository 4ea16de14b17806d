import { writeSync } from "node:fs";
import { connect } from "holdfast";
import { increment } from "./incrementer.ts";

/** Increments until it is killed. Says synchronously what it is about to do, and what was acknowledged. */
const [url = "", collection = "", name = ""] = process.argv.slice(2);
const hf = await connect(url);
const numbers = hf.records<number>(collection);
for (let at = 0; at < 100_000; at += 1) {
  const opId = `${name}.${at}`;
  writeSync(1, `? ${opId}\n`);
  await increment(numbers, opId);
  writeSync(1, `! ${opId}\n`);
}
