import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "holdfast";

const [hf, elsewhere] = [await connect("memory:"), await connect("memory:")]; // two processes, as it were
const shutdown = new AbortController();
const runs = hf.records<string>("runs");
const stopped = (error: Error): void => console.log(`no candidate any more: ${error.name}`);

// #region lead
const scheduler = hf.election("scheduler");
const led = scheduler.lead(
  "node-7",
  async (term) => {
    await term.proclaim("http://10.0.0.7:8080"); // what observers see, for as long as the term lasts
    for (let n = 1; !term.signal.aborted; n += 1) {
      await runs.put("last", `run ${n} of term ${term.token}`, { fence: term }); // the token is the guarantee
      await sleep(20, undefined, { signal: term.signal }); // rejects when the term is to end: that is fine
    }
  },
  { signal: shutdown.signal }, // stands until the process is shut down
);
// #endregion
const withdrawn = led.catch(stopped);

// #region observe
for await (const leader of elsewhere.election("scheduler").observe()) {
  console.log(`${leader.id} leads in term ${leader.term}, at ${leader.value ?? "an address to come"}`);
  if (leader.value !== null) break;
}
// #endregion

// #region hand-over
const other = elsewhere.election("scheduler").lead("node-8", (term) => `node-8 led in term ${term.token}`);
while ((await hf.inspect("scheduler")).waiters.length === 0) await sleep(5);
await elsewhere.election("scheduler").handOver(); // node-7 ends its work, and stands again behind node-8
console.log(await other);
// #endregion

shutdown.abort();
await withdrawn;
await Promise.all([hf.close(), elsewhere.close()]);
