import type { Setup } from "./cell.ts";
import { suites } from "./cells/all.ts";
import { FAREWELL, type FromWorker, type ToWorker } from "./crew.ts";

/** A fresh process that opens one cell's workload for one contestant and does the tasks it is asked for. */
const setup = JSON.parse(process.argv[2] ?? "{}") as Setup;

function send(message: FromWorker, then: () => void = () => {}): void {
  process.send?.(message, then);
}

function text(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function bye(): void {
  const { user, system } = process.cpuUsage();
  // exit() rather than an end by itself: peers keep sockets and timers, and a profile is written on exit.
  send({ kind: "bye", busyMs: (user + system) / 1000 }, () => process.exit());
}

process.once("disconnect", () => process.exit());

try {
  const cell = Object.values(suites).flat().find(({ id }) => id === setup.cell);
  if (!cell) throw new Error(`no cell ${setup.cell}`);
  const workload = await cell.workload(setup);
  process.on("message", ({ id, task, argument }: ToWorker) => {
    if (task === FAREWELL) return bye();
    const run = workload[task] as (argument: unknown) => Promise<unknown>;
    run(argument).then(
      (value) => send({ kind: "done", id, value }),
      (error: unknown) => send({ kind: "failed", id, error: text(error) }),
    );
  });
  send({ kind: "ready", tasks: Object.keys(workload) });
} catch (error) {
  process.on("message", ({ task }: ToWorker) => {
    if (task === FAREWELL) bye();
  });
  send({ kind: "failed", id: 0, error: text(error) });
}
