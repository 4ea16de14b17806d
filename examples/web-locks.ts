import { connect } from "holdfast";

const hf = await connect("memory:");

// #region use
// As navigator.locks in a browser or in Node 24, but over all processes on the store.
const { locks } = hf;
const answer = await locks.request("invoice:42", async (lock) => {
  const other = await locks.request("invoice:42", { ifAvailable: true }, (none) => none);
  const { held } = await locks.query();
  return { other, mode: lock?.mode, held: held.length };
});
console.log(answer); // { other: null, mode: 'exclusive', held: 1 }
await locks.request("invoice:42", { mode: "shared" }, () => {});
// #endregion

if (answer.other !== null || answer.held !== 1) throw new Error("not as the platform does it");
await hf.close();
