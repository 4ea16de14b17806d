import type { Finding, Guarantees, Store } from "./backend.ts";
import type { Clock } from "./clock.ts";

/** What a health check of a store found. */
export interface Diagnosis {
  readonly backend: string;
  readonly guarantees: Guarantees;
  /** Round trip in ms, the fastest of five. */
  readonly latencyMs: number;
  /** How far the store's clock is ahead of this machine's, in ms, give or take half a round trip. */
  readonly clockOffsetMs: number;
  readonly findings: readonly Finding[];
}

const ROUNDS = 5;

/** Runs one call to the store with a time limit. */
type Call = <Result>(operation: string, run: () => Promise<Result>) => Promise<Result>;

export async function diagnose(backend: Store, clock: Clock, call: Call): Promise<Diagnosis> {
  let latencyMs = Infinity;
  let clockOffsetMs = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const sentAt = clock.now();
    const sentWall = clock.wall();
    const storeNow = await call("time", () => backend.time());
    const took = clock.now() - sentAt;
    if (took < latencyMs) {
      latencyMs = took;
      clockOffsetMs = Math.round(storeNow - (sentWall + took / 2));
    }
  }
  const findings = await call("diagnose", async () => (await backend.diagnose?.()) ?? []);
  return { backend: backend.name, guarantees: backend.guarantees, latencyMs, clockOffsetMs, findings };
}
