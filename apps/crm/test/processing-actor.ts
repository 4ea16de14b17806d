import { connect } from "holdfast";
import { Crm } from "../domain/crm.ts";

/*
 * A node without HTTP that processes one order and comes to grief after a given number of writes: URL
 * ORDER WRITES SIGKILL|SIGSTOP. If it goes on after a stop, it ends with what it saw of the order as its
 * last line.
 */
const [url = "", orderId = "", writes = "", signal = ""] = process.argv.slice(2);

const hf = await connect(url, { namespace: "crm", ttlMs: 1_000, label: "unlucky" });
const crm = new Crm(hf, "unlucky");
let left = Number(writes);
const { value } = await crm.processing.process(orderId, () => {
  left -= 1;
  if (left === 0) process.kill(process.pid, signal as NodeJS.Signals);
});
console.log(JSON.stringify(value));
await hf.close();
