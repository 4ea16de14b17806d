import { quantile, sum } from "../statistics.ts";
import type { StoreName } from "./contestants.ts";
import { Crew } from "./crew.ts";
import type { Load, Measured } from "./point.ts";

export interface Pace {
  readonly warmUpMs: number;
  readonly ms: number;
}

let runs = 0;

/** One contestant under one load, in fresh processes. */
export async function measure(
  store: StoreName,
  url: string,
  contestant: string,
  load: Load,
  pace: Pace,
): Promise<Measured> {
  const crew = new Crew(load.processes);
  const what = { store, contestant, ...load };
  try {
    await crew.all({ kind: "open", store, contestant, url, editMs: load.editMs });
    const run = `${store}-${(runs += 1)}`;
    const writers = load.writers / load.processes;
    const answers = await crew.all({ kind: "run", writers, records: load.records, run, ...pace });
    const shares = answers.map(({ share }) => share!);
    const latencies = Float64Array.from(shares.flatMap((share) => [...share.latencies]));
    const { sum: stored = 0 } = await crew.one({ kind: "sum", records: load.records, run });
    await crew.all({ kind: "close" });
    return {
      ...what,
      updatesPerSecond: (latencies.length / pace.ms) * 1_000,
      attempts: sum(shares.map(({ attempts }) => attempts)) / latencies.length,
      p50: quantile(latencies, 0.5),
      p99: quantile(latencies, 0.99),
      lost: sum(shares.map(({ acknowledged }) => acknowledged)) - stored,
    };
  } catch (error) {
    const nothing = { updatesPerSecond: NaN, attempts: NaN, p50: NaN, p99: NaN, lost: NaN };
    return { ...what, ...nothing, error: error instanceof Error ? error.message : String(error) };
  } finally {
    await crew.dismiss();
  }
}
