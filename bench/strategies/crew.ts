import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { within } from "../stopwatch.ts";
import type { Answer, Order } from "./worker.ts";

const WORKER = fileURLToPath(new URL("./worker.js", import.meta.url));
/** Of one order, whose own time is a few seconds. */
const ORDER_MAX_MS = 60_000;

/** Worker processes that do the same at the same time. */
export class Crew {
  readonly #children: readonly ChildProcess[];

  constructor(processes: number) {
    this.#children = Array.from({ length: processes }, () => fork(WORKER, { serialization: "advanced" }));
  }

  /** Their answers. @throws if one of them fails */
  all(order: Order): Promise<Extract<Answer, { kind: "done" }>[]> {
    return Promise.all(this.#children.map((child) => ask(child, order)));
  }

  async one(order: Order): Promise<Extract<Answer, { kind: "done" }>> {
    return ask(this.#children[0]!, order);
  }

  async dismiss(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const gone = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGKILL");
        await gone;
      }),
    );
  }
}

async function ask(child: ChildProcess, order: Order): Promise<Extract<Answer, { kind: "done" }>> {
  const answered = new Promise<Answer>((resolve, reject) => {
    const onExit = (): void => reject(new Error("a worker process ended"));
    child.once("exit", onExit);
    child.once("message", (answer) => {
      child.off("exit", onExit);
      resolve(answer as Answer);
    });
    child.send(order);
  });
  const answer = await within(ORDER_MAX_MS, `the order "${order.kind}"`, answered);
  if (answer.kind === "failed") throw new Error(answer.error);
  return answer;
}
