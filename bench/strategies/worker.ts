import { CONTESTANTS, type StoreName } from "./contestants.ts";
import type { Share } from "./point.ts";
import type { Writer } from "./writers/writer.ts";

/** What the measuring process asks a worker to do, one after the other. */
export type Order =
  | {
      readonly kind: "open";
      readonly store: StoreName;
      readonly contestant: string;
      readonly url: string;
      readonly editMs: number;
    }
  | {
      readonly kind: "run";
      readonly writers: number;
      readonly records: number;
      readonly warmUpMs: number;
      readonly ms: number;
      /** So that no counter is used by two measurements. */
      readonly run: string;
    }
  | { readonly kind: "sum"; readonly records: number; readonly run: string }
  | { readonly kind: "close" };

export type Answer =
  | { readonly kind: "done"; readonly share?: Share; readonly sum?: number }
  | { readonly kind: "failed"; readonly error: string };

let writer: Writer | undefined;

async function obey(order: Order): Promise<Answer> {
  switch (order.kind) {
    case "open":
      writer = await CONTESTANTS[order.store][order.contestant]!(order);
      return { kind: "done" };
    case "run":
      return { kind: "done", share: await run(writer!, order) };
    case "sum":
      return { kind: "done", sum: await sumOf(writer!, order) };
    case "close":
      await writer?.close();
      writer = undefined;
      return { kind: "done" };
  }
}

/** All writers at once, each on a random record again and again, until the time is over. */
async function run(by: Writer, order: Extract<Order, { kind: "run" }>): Promise<Share> {
  const latencies: number[] = [];
  let attempts = 0;
  let acknowledged = 0;
  const measureFrom = performance.now() + order.warmUpMs;
  const end = measureFrom + order.ms;
  const write = async (): Promise<void> => {
    for (let now = performance.now(); now < end; ) {
      const tries = await by.update(keyOf(order.run, Math.floor(Math.random() * order.records)));
      acknowledged += 1;
      const before = now;
      now = performance.now();
      if (before < measureFrom || now > end) continue;
      latencies.push(now - before);
      attempts += tries;
    }
  };
  await Promise.all(Array.from({ length: order.writers }, write));
  return { latencies: Float64Array.from(latencies), attempts, acknowledged };
}

async function sumOf(by: Writer, { records, run: name }: Extract<Order, { kind: "sum" }>): Promise<number> {
  let sum = 0;
  for (let record = 0; record < records; record += 1) sum += await by.read(keyOf(name, record));
  return sum;
}

const keyOf = (run: string, record: number): string => `${run}-${record}`;

process.once("disconnect", () => process.exit());
process.on("message", (order: Order) => {
  obey(order).then(
    (answer) => process.send?.(answer),
    (error: unknown) =>
      process.send?.({ kind: "failed", error: String(error instanceof Error ? error.message : error) }),
  );
});
