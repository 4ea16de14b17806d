import { sleep } from "../stopwatch.ts";
import { TIGHT_POLL_MS } from "./locker.ts";

/** How often those who have no default of their own look again. */
export const POLL_MS = 50;

export async function pollUntilTaken(variant: string, take: () => Promise<boolean>): Promise<void> {
  while (!(await take())) await sleep(variant === "tight" ? TIGHT_POLL_MS : POLL_MS);
}
