import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export const MAIN = fileURLToPath(new URL("../main.js", import.meta.url));

/** Whoever the tests sign in as first. */
export const ADMIN = { email: "admin@crm.test", password: "correct-horse" };

/** A platform as a user starts it: the supervisor and its nodes, all real processes. */
export interface Platform {
  readonly pid: number;
  /** Where the nodes are, the first one first. */
  readonly addresses: readonly string[];
  /** Of each node's latest life, the first node first. */
  nodePids(): readonly number[];
  /** All that was printed so far. */
  output(): string;
  /** Waits for something to be printed. @throws after `limitMs` */
  prints(pattern: RegExp, limitMs?: number): Promise<RegExpExecArray>;
  signal(signal: NodeJS.Signals): void;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Ctrl-C, and wait. */
  stop(): Promise<number | NodeJS.Signals>;
}

export interface PlatformOptions {
  readonly url: string;
  readonly folder: string;
  readonly nodes?: number;
  readonly args?: readonly string[];
}

/** Resolves when all nodes serve. Rejects if the platform ends instead. */
export async function startPlatform({
  url,
  folder,
  nodes = 3,
  args = [],
}: PlatformOptions): Promise<Platform> {
  const admin = `${ADMIN.email}:${ADMIN.password}`;
  const platform = launch(
    ["--url", url, "--data", folder, "--nodes", String(nodes), "--port", "0", "--admin", admin, ...args],
    process.cwd(),
  );
  await platform.prints(/Ctrl-C stops/, 30_000);
  return platform;
}

/** The program with these arguments, whatever comes of it. */
export function launch(args: readonly string[], cwd: string): Platform {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const collect = (chunk: Buffer): void => void (output += chunk.toString());
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  // "close" comes after all that was printed.
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once("close", (code, signal) => resolve(signal ?? code ?? -1));
  });
  let isOver = false;
  void ended.then(() => (isOver = true));
  return {
    pid: child.pid ?? 0,
    get addresses() {
      return [...output.matchAll(/^ {2}node \d+ {2}(\S+)/gm)].map(([, address = ""]) => address);
    },
    nodePids() {
      const pids = new Map<string, number>();
      for (const [, node = "", pid] of output.matchAll(/node (\d+) .*http:\S+ +\(pid (\d+)\)$/gm)) {
        pids.set(node, Number(pid));
      }
      return [...pids.values()];
    },
    output: () => output,
    async prints(pattern, limitMs = 10_000) {
      const until = performance.now() + limitMs;
      for (;;) {
        const match = pattern.exec(output);
        if (match !== null) return match;
        if (isOver || performance.now() > until) {
          throw new Error(
            `${isOver ? "it ended" : "out of time"} before ${String(pattern)}:\n${output}`,
          );
        }
        await delay(20);
      }
    },
    signal: (signal) => void child.kill(signal),
    ended,
    stop() {
      child.kill("SIGINT");
      return ended;
    },
  };
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
