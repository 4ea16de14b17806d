import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { TestContext } from "node:test";

export const MAIN = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));

/** The smallest test program: says its process id, and stays. */
export const SLEEPER = "console.log(String(process.pid)); setTimeout(() => {}, 60_000)";

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  readonly url?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly cwd?: string;
}

/** `holdfast` as a process of its own. */
export class Program {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  readonly #process: ChildProcess;
  #stdout = "";
  #stderr = "";

  constructor(args: readonly string[], { cwd, env = {}, input, url }: StartOptions = {}) {
    const { HOLDFAST_URL: _, HOLDFAST_NAMESPACE: __, ...inherited } = process.env;
    this.#process = spawn(process.execPath, [MAIN, ...args], {
      env: { ...inherited, ...(url === undefined ? {} : { HOLDFAST_URL: url }), ...env },
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      // In a session of its own it has no terminal, wherever the tests run.
      detached: true,
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.pid = this.#process.pid ?? 0;
    this.#process.stdin?.end(input);
    this.#process.stdout?.on("data", (chunk: Buffer) => (this.#stdout += chunk.toString()));
    this.#process.stderr?.on("data", (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.ended = once(this.#process, "exit").then(async ([code, signal]) => {
      // A command that outlives it keeps the pipes open: what came so far is all there is.
      await Promise.race([once(this.#process, "close"), delay(300)]);
      return { code, signal, stdout: this.#stdout, stderr: this.#stderr };
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Resolves with the match once its output has it. */
  async until(pattern: RegExp, from: "stdout" | "stderr" = "stdout"): Promise<RegExpExecArray> {
    return eventually(
      () => `${String(pattern)} in ${JSON.stringify(this[from])}`,
      () => pattern.exec(this[from]),
    );
  }
}

/** Starts it, and sees to it that nothing of it outlives the test. */
export function start(t: TestContext, args: readonly string[], options?: StartOptions): Program {
  const program = new Program(args, options);
  t.after(() => {
    endProcess(program.pid);
    // The command that it runs leads a group of its own, and in these tests says its process id first.
    const child = Number(/^\d+$/m.exec(program.stdout)?.[0] ?? 0);
    if (child > 1) endProcess(-child);
  });
  return program;
}

/** Runs it to its end. */
export function holdfast(args: readonly string[], options?: StartOptions): Promise<Ended> {
  return new Program(args, options).ended;
}

export async function eventually<T>(
  what: () => string,
  look: () => T | null | undefined | false,
): Promise<T> {
  const until = Date.now() + 20_000;
  for (;;) {
    const found = look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (Date.now() > until) throw new Error(`not within 20 s: ${what()}`);
    await delay(10);
  }
}

export function hasEnded(...pids: readonly number[]): Promise<unknown> {
  return eventually(
    () => `the end of ${pids.filter(isRunning).join(", ")}`,
    () => !pids.some(isRunning),
  );
}

export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone already.
  }
}
