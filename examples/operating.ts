import { connect } from "holdfast";

const hf = await connect("memory:", { label: "billing", metadata: { release: "7" } });
const lease = await hf.mutex("invoice:42").lock();

// #region look
for await (const { resource, holders, waiters } of hf.list({ prefix: "invoice:" })) {
  console.log(`${resource}: ${holders.length} holding, ${waiters.length} waiting`);
}
const { holders } = await hf.inspect("invoice:42");
console.log(holders[0]?.owner); // { host, pid, label: 'billing', metadata: { release: '7' } }
// #endregion

// #region force
await hf.forceRelease("invoice:42", { reason: "stuck since 3 am, see job 17" });
const { revocations } = await hf.inspect("invoice:42");
console.log(revocations.at(-1)?.reason);
// #endregion

// #region doctor
for (const { backend, findings } of await hf.diagnose()) {
  for (const { level, detail } of findings) console.log(`${backend} ${level}: ${detail}`);
}
// #endregion

await lease.release().catch(() => undefined); // LeaseLostError
await hf.close();
