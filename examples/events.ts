import { connect, on } from "holdfast";

const hf = await connect("memory:");
const waits: number[] = [];

// #region use
const stop = [
  on("lock.granted", ({ waitMs }) => void waits.push(waitMs)),
  on("lock.released", ({ resource, holdMs }) => console.log(`${resource}: held ${holdMs} ms`)),
  on("lock.lost", ({ resource, reason }) => console.error(`${resource}: lost, ${reason}`)),
];
await hf.mutex("invoice:42").withLock(() => {});
for (const each of stop) each();
// #endregion

if (waits.length !== 1) throw new Error("nobody told");
await hf.close();
