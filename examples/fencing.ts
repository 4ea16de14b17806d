import { connect, StaleTokenError } from "holdfast";

const [here, there] = [await connect("memory:"), await connect("memory:")]; // two processes, as it were
const reports = here.records<string>("reports");

// #region use
const mine = await here.mutex("report").lock();
await reports.put("report", "mine", { fence: mine });

// Meanwhile, while this process is paused, its lease ends and another one takes the lock.
await there.forceRelease("report", { reason: "stands in for a pause" });
const theirs = await there.mutex("report").lock();

try {
  await reports.put("report", "mine, much later", { fence: mine });
} catch (error) {
  if (!(error instanceof StaleTokenError)) throw error;
  console.log(error.message); // refused, in the same step as the write would have been
}
// #endregion

// #region elsewhere
// The token alone is enough, for instance in another process, which was sent it with the job.
const fence = { resource: theirs.resource, token: theirs.token };
await reports.put("report", "theirs", { fence });
// #endregion

if ((await reports.get("report"))?.value !== "theirs") throw new Error("a stale holder wrote");
await mine.release().catch(() => undefined); // LeaseLostError: it was lost before
await theirs.release();
await Promise.all([here.close(), there.close()]);
