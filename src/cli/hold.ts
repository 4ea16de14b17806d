import { setTimeout as delay } from "node:timers/promises";
import { LeaseLostError, type Lease, type LossReason } from "../index.ts";
import type { Child } from "./child.ts";
import { durationText } from "./duration.ts";
import { EXIT } from "./exit-codes.ts";
import type { Plan } from "./run-options.ts";
import { remark } from "./terminal.ts";

/** A store that does not take the lock back in this time has to let the lease run out. */
const GIVING_BACK_MS = 5_000;

const WHY: Readonly<Record<LossReason, string>> = {
  expired:
    "The store was out of reach, or holdfast was paused, for as long as the lease lasts (--ttl).",
  revoked: "Somebody has forced a release; who and why, shows: holdfast inspect",
  stolen: "Another program has stolen the lock.",
  closed: "Please report this: holdfast has closed its store too soon.",
};

/**
 * Runs a command until it ends or the lease is lost, gives the lease back, and tells the exit code.
 */
export async function hold(lease: Lease, plan: Plan, start: () => Child): Promise<number> {
  const since = performance.now();
  let isTold = false;
  const tell = (loss: LeaseLostError, consequence: string): void => {
    if (!isTold) remark(`${loss.message}: ${consequence}\n  ${WHY[loss.reason]}`);
    isTold = true;
  };
  let status: number = EXIT.leaseLost;
  try {
    if (!lease.lost.aborted) status = await supervise(lease, plan, start, tell);
  } catch (error) {
    await giveBack(lease);
    throw error;
  }
  const loss = await giveBack(lease);
  if (loss === undefined) {
    if (plan.verbose)
      remark(`held "${lease.resource}" for ${durationText(performance.now() - since)}`);
    return status;
  }
  tell(loss, "the work of the command may not have been exclusive");
  return plan.endsWhenLost ? EXIT.leaseLost : status;
}

async function supervise(
  lease: Lease,
  { endsWhenLost, graceMs, verbose }: Plan,
  start: () => Child,
  tell: (loss: LeaseLostError, consequence: string) => void,
): Promise<number> {
  const child = start();
  if (verbose) remark(`started, process ${child.pid}`);
  let ending: Promise<void> | undefined;
  const onLost = (): void => {
    if (endsWhenLost) ending = child.end(graceMs);
    tell(lease.lost.reason, endsWhenLost ? "the command is ended" : "the command goes on");
  };
  lease.lost.addEventListener("abort", onLost, { once: true });
  const status = await child.ended;
  // To ask for `lost` is to notice, here at the latest, a deadline that passed while we were paused.
  lease.lost.removeEventListener("abort", onLost);
  await ending;
  return status;
}

/** The loss, if the lease was lost before. */
async function giveBack(lease: Lease): Promise<LeaseLostError | undefined> {
  try {
    await Promise.race([lease.release(), delay(GIVING_BACK_MS)]);
    return undefined;
  } catch (error) {
    if (error instanceof LeaseLostError) return error;
    throw error;
  }
}
