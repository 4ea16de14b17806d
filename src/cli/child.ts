import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { EXIT, signalExit } from "./exit-codes.ts";
import { Failure } from "./failure.ts";
import { ProcessGroup } from "./process-group.ts";
import { ProcessTree, sendTo } from "./process-tree.ts";
import { isEnding, isFromKeyboard, type Caught } from "./signals.ts";

const POLL_MS = 25;

/**
 * A command that runs on our standard streams.
 *
 * Without a controlling terminal (cron, a service, CI) it leads a process group of its own, so that
 * signals that are to end it reach all that it started. With one it stays in our group: else Ctrl-Z
 * would not stop it, and prompts that ask the terminal itself would fail. There the terminal sends
 * what comes from the keyboard to both of us, and passing it on would deliver it twice, which many
 * programs take for "now, at once".
 */
export class Child {
  /** Exit code once it has ended. Rejects with a Failure when it could not be started. */
  readonly ended: Promise<number>;
  readonly #process: ChildProcess;
  readonly #all: ProcessGroup | ProcessTree;
  readonly #sharesTerminal: boolean;
  #isRunning = true;

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#sharesTerminal = process.platform === "win32" || hasTerminal();
    try {
      this.#process = spawn(command, args, {
        env,
        stdio: "inherit",
        detached: !this.#sharesTerminal,
      });
    } catch (error) {
      throw notStarted(command, error);
    }
    const pid = this.#process.pid ?? 0;
    this.#all = this.#sharesTerminal ? new ProcessTree(pid) : new ProcessGroup(pid);
    this.ended = new Promise((resolve, reject) => {
      this.#process.once("exit", (code, signal) => {
        this.#isRunning = false;
        resolve(signal === null ? (code ?? EXIT.internal) : signalExit(signal));
      });
      this.#process.once("error", (error) => {
        this.#isRunning = false;
        reject(notStarted(command, error));
      });
    });
    // Should this program fail, nobody would look after the lease any more.
    process.once("exit", () => {
      if (this.#isRunning) this.#all.signal("SIGTERM");
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Passes on a signal that we got. */
  forward(signal: Caught): void {
    if (!this.#isRunning) return;
    if (this.#sharesTerminal && isFromKeyboard(signal)) return;
    if (isEnding(signal)) this.#all.signal(signal);
    else sendTo(this.pid, signal);
  }

  /**
   * Ends it and what it started: asks, and after `graceMs` does not ask. Resolves when all are
   * gone.
   */
  async end(graceMs: number): Promise<void> {
    if (graceMs > 0) {
      this.#all.signal("SIGTERM");
      // One that is stopped gets to know only when it goes on.
      this.#all.signal("SIGCONT");
    }
    const until = performance.now() + graceMs;
    while (!this.#isGone()) {
      if (performance.now() >= until) this.#all.signal("SIGKILL");
      await delay(POLL_MS);
    }
  }

  #isGone(): boolean {
    return !this.#isRunning && this.#all.isGone();
  }
}

/** Whether this process has a controlling terminal. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}

function notStarted(command: string, error: unknown): Failure {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOENT"
    ? new Failure(
        EXIT.notFound,
        `${command}: no such command`,
        "Is it on the PATH? No shell is involved: for one, run sh -c '…'.",
        { cause: error },
      )
    : new Failure(
        EXIT.notExecutable,
        `${command}: cannot be executed (${String(code)})`,
        "Is it an executable file? chmod +x makes it one.",
        { cause: error },
      );
}
