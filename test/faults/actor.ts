import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ConnectOptions } from "holdfast";

/** What an actor can be told to do, and what it answers. */
export interface Orders {
  lock(name: string, waitMs?: number): { token: string };
  release(name: string): "released" | string;
  /** Whether the lease has been lost by now, as the very first thing the process says. */
  isLost(name: string): boolean;
  put(key: string, value: unknown, fencedBy: string): "written" | string;
}

type Order = keyof Orders;

interface Message {
  readonly id: number;
  readonly answer?: unknown;
  readonly error?: string;
}

/** A real process with a coordinator of its own, which can be stopped, resumed and killed. */
export class Actor {
  readonly #pending = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  #ids = 0;

  private constructor(private readonly child: ChildProcess) {
    child.on("message", (message) => this.#heard(message as Message));
    child.on("exit", () => {
      for (const { reject } of this.#pending.values()) reject(new Error("the actor has ended"));
    });
  }

  static async start(url: string, options: ConnectOptions): Promise<Actor> {
    const script = fileURLToPath(new URL("./actor-process.js", import.meta.url));
    const child = fork(script, [url, JSON.stringify(options)], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const [ready] = (await once(child, "message")) as [Message];
    if (ready.error !== undefined) throw new Error(ready.error);
    return new Actor(child);
  }

  /** Rejects with the message of what the actor threw. */
  do<Name extends Order>(order: Name, ...rest: Parameters<Orders[Name]>): Promise<ReturnType<Orders[Name]>> {
    const id = ++this.#ids;
    const answer = new Promise<ReturnType<Orders[Name]>>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
    });
    answer.catch(() => undefined); // looked at by whoever awaits it
    this.child.send({ id, order, rest });
    return answer;
  }

  signal(name: "SIGSTOP" | "SIGCONT"): void {
    this.child.kill(name);
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await ended;
  }

  #heard({ id, answer, error }: Message): void {
    const waiting = this.#pending.get(id);
    this.#pending.delete(id);
    if (error === undefined) waiting?.resolve(answer as never);
    else waiting?.reject(new Error(error));
  }
}
