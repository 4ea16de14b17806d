import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { pinned } from "../machine.ts";
import { within } from "../stopwatch.ts";
import type { tasks } from "./worker.ts";

const TASK_MAX_MS = 60_000;

type Tasks = typeof tasks;
type Answer = { readonly id: number; readonly value?: unknown; readonly error?: string };

/** A worker process, and what can be asked of it. */
export class Worker {
  readonly #pending = new Map<number, (answer: Answer) => void>();
  #ids = 0;

  private constructor(private readonly child: ChildProcess) {
    child.on("message", (message) => {
      const answer = message as Answer;
      this.#pending.get(answer.id)?.(answer);
      this.#pending.delete(answer.id);
    });
  }

  /** One that is alone gets the clients' core for itself. */
  static async start(port: number, isAlone: boolean): Promise<Worker> {
    const file = fileURLToPath(new URL("./worker.js", import.meta.url));
    const [command, ...prefix] = isAlone ? pinned("client", process.execPath) : [process.execPath];
    const child = fork(file, [String(port)], { execPath: command ?? process.execPath, execArgv: prefix });
    const worker = new Worker(child);
    const ready = new Promise((resolve) => worker.#pending.set(0, resolve));
    await within(TASK_MAX_MS, "the start of a worker", ready);
    return worker;
  }

  ask<Name extends keyof Tasks>(
    task: Name,
    ...argument: Parameters<Tasks[Name]>
  ): Promise<Awaited<ReturnType<Tasks[Name]>>> {
    const id = (this.#ids += 1);
    const answer = new Promise<Awaited<ReturnType<Tasks[Name]>>>((resolve, reject) => {
      this.#pending.set(id, ({ error, value }) => {
        if (error === undefined) resolve(value as Awaited<ReturnType<Tasks[Name]>>);
        else reject(new Error(error));
      });
    });
    this.child.send({ id, task, argument: argument[0] });
    return within(TASK_MAX_MS, task, answer);
  }

  end(): void {
    this.child.disconnect();
  }
}
