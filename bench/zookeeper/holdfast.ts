import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Contestant, ContestantProcess } from "./contestant.ts";

const SCRIPT = fileURLToPath(new URL("./node-process.js", import.meta.url));

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

export const holdfast: Contestant = {
  name: "Holdfast",
  async start(servers, launcher) {
    const [execPath = process.execPath, ...execArgv] = [...launcher, process.execPath];
    const child = fork(SCRIPT, [servers], { execPath, execArgv, serialization: "advanced" });
    await once(child, "message");
    const pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
    let ids = 0;
    child.on("message", (message) => {
      const { id, value, error } = message as Answer;
      if (error === undefined) pending.get(id)?.resolve(value);
      else pending.get(id)?.reject(new Error(error));
      pending.delete(id);
    });
    child.once("exit", () => {
      for (const { reject } of pending.values()) reject(new Error("the process has ended"));
    });
    const ask =
      (task: string) =>
      (...args: readonly unknown[]): Promise<never> =>
        new Promise((resolve, reject) => {
          const id = (ids += 1);
          pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
          child.send({ id, task, args });
        });
    return {
      pairs: ask("pairs"),
      rawPairs: ask("rawPairs"),
      keys: ask("keys"),
      contend: ask("contend"),
      hold: ask("hold"),
      release: ask("release"),
      async end() {
        const ended = once(child, "exit");
        child.kill("SIGKILL");
        await ended;
      },
    } satisfies ContestantProcess;
  },
};
