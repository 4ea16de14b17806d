import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Remote, Setup, Workload } from "./cell.ts";
import { pinned } from "./machine.ts";
import { within } from "./stopwatch.ts";

export type ToWorker = { readonly id: number; readonly task: string; readonly argument: unknown };

export type FromWorker =
  | { readonly kind: "ready"; readonly tasks: readonly string[] }
  | { readonly kind: "done"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly error: string }
  | { readonly kind: "bye"; readonly busyMs: number };

export const FAREWELL = "farewell";

const START_MS = 15_000;
const FAREWELL_MS = 3_000;
const WORKER = fileURLToPath(new URL("./worker.js", import.meta.url));

/** The worker processes of one measurement, each fresh. */
export interface Crew<W extends Workload> {
  readonly workers: readonly Remote<W>[];
  /** Ends the processes; gives the processor time they used. */
  dismiss(): Promise<number>;
}

export interface Hiring {
  readonly processes: number;
  readonly setup: Omit<Setup, "index">;
  /** Where each worker leaves a CPU profile. */
  readonly profile: string | undefined;
}

export async function hire<W extends Workload>(hiring: Hiring): Promise<Crew<W>> {
  const hands = Array.from({ length: hiring.processes }, (_, index) => new Hand(hiring, index));
  const dismiss = async (): Promise<number> => {
    const busy = await Promise.all(hands.map((hand) => hand.dismiss()));
    return busy.reduce((total, ms) => total + ms, 0);
  };
  try {
    const remotes = hands.map((hand) => hand.remote<W>());
    const workers = await within(START_MS, "starting the workers", Promise.all(remotes));
    return { workers, dismiss };
  } catch (error) {
    await dismiss();
    throw error;
  }
}

/** One worker process and the calls it owes an answer. */
class Hand {
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  readonly #ready: Promise<readonly string[]>;
  #ended = false;
  #busyMs = 0;
  #lastId = 0;

  constructor({ processes, setup, profile }: Hiring, index: number) {
    const node = process.execPath;
    const [execPath, ...prefix] = processes === 1 ? pinned("client", node) : [node];
    const profiling = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
    this.#child = fork(WORKER, [JSON.stringify({ ...setup, index })], {
      execPath,
      execArgv: [...prefix, "--expose-gc", ...profiling],
      serialization: "advanced",
    });
    this.#ready = new Promise((resolve, reject) => {
      this.#calls.set(0, { resolve: (tasks) => resolve(tasks as readonly string[]), reject });
    });
    this.#child.on("message", (message) => this.#receive(message as FromWorker));
    this.#child.once("error", (error) => this.#end(error));
    this.#child.once("exit", (code, signal) => {
      this.#end(new Error(`worker ${index} ended with ${signal ?? code}`));
    });
  }

  async remote<W extends Workload>(): Promise<Remote<W>> {
    const tasks = await this.#ready;
    const remote = tasks.map((task) => [task, (argument: unknown) => this.#ask(task, argument)]);
    return Object.fromEntries(remote) as Remote<W>;
  }

  /** Never rejects; gives the processor time used, as far as the worker could still tell. */
  async dismiss(): Promise<number> {
    const gone = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()));
    if (this.#ended) return this.#busyMs;
    this.#child.send({ id: -1, task: FAREWELL, argument: undefined } satisfies ToWorker, () => {});
    await within(FAREWELL_MS, "ending a worker", gone).catch(() => this.#child.kill("SIGKILL"));
    return this.#busyMs;
  }

  #ask(task: string, argument: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(new Error("the worker has ended"));
      const id = ++this.#lastId;
      this.#calls.set(id, { resolve, reject });
      this.#child.send({ id, task, argument } satisfies ToWorker);
    });
  }

  #receive(message: FromWorker): void {
    if (message.kind === "bye") this.#busyMs = message.busyMs;
    else if (message.kind === "ready") this.#take(0)?.resolve(message.tasks);
    else if (message.kind === "done") this.#take(message.id)?.resolve(message.value);
    else this.#take(message.id)?.reject(new Error(message.error));
  }

  #take(id: number) {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }

  #end(error: Error): void {
    this.#ended = true;
    for (const id of [...this.#calls.keys()]) this.#take(id)?.reject(error);
  }
}
