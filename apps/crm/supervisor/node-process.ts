import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Assignment, NodeReport } from "./messages.ts";

const PROGRAM = fileURLToPath(new URL("../node.js", import.meta.url));

/** One life of a node. */
export class NodeProcess {
  /** How its start went; a node that dies before it can say is `failed`. */
  readonly report: Promise<NodeReport>;
  /** What its end looked like. Never rejects. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;

  constructor(assignment: Assignment) {
    // By message and not on the command line, which every user of the machine can read.
    this.#child = fork(PROGRAM, [], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.ended = new Promise((resolve) => {
      this.#child.once("error", (error) => resolve(error.message));
      this.#child.once("exit", (code, signal) => {
        resolve(signal === null ? `exited with ${String(code)}` : `was ended by ${signal}`);
      });
    });
    this.report = new Promise((resolve) => {
      this.#child.once("message", (message: NodeReport) => resolve(message));
      void this.ended.then((how) =>
        resolve({ kind: "failed", code: null, message: `the process ${how}` }),
      );
    });
    this.#child.send(assignment, () => undefined);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  stop(signal: "SIGTERM" | "SIGKILL"): void {
    this.#child.kill(signal);
  }
}
