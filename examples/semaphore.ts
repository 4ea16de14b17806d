import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "holdfast";

const hf = await connect("memory:");
let busy = 0;
let most = 0;

// #region use
// At most four in use at a time, over all processes that say the same name and number.
const mailbox = hf.semaphore("mailbox:7", { permits: 4 });

const send = (mails: number): Promise<void> =>
  mailbox.withLock(() => deliver(mails), { permits: mails }); // default: one permit
await Promise.all([send(1), send(3), send(2), send(4)]);
// #endregion

async function deliver(mails: number): Promise<void> {
  busy += mails;
  most = Math.max(most, busy);
  await sleep(5);
  busy -= mails;
}

if (most !== 4) throw new Error(`${most} at a time`);
await hf.close();
