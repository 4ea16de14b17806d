import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chownSync, existsSync, readdirSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import { HOST } from "./lockers/locker.ts";
import { pinned, processBusyMs } from "./machine.ts";
import { sleep } from "./stopwatch.ts";

const READY_TRIES = 200;
const READY_PAUSE_MS = 50;

/** A server program that runs for this benchmark only, on the core for servers. */
export interface ServerProgram {
  busyMs(): number;
  stop(signal: NodeJS.Signals): Promise<void>;
}

/** `user`: who runs it when we are root, for servers that refuse to. */
export async function startProgram(
  command: readonly [string, ...string[]],
  isReady: () => Promise<boolean>,
  user?: string,
): Promise<ServerProgram> {
  const [program, ...args] = as(user, pinned("server", command[0]), command.slice(1));
  const server = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  server.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2_000)));
  server.once("error", (error) => (said += String(error)));
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  const kill = (): void => void server.kill("SIGKILL");
  process.once("exit", kill);
  for (let tries = 0; !(await isReady()); tries++) {
    if (server.exitCode !== null || server.pid === undefined || tries === READY_TRIES) {
      kill();
      throw new Error(`${command[0]} does not start: ${said}`);
    }
    await sleep(READY_PAUSE_MS);
  }
  return {
    busyMs: () => familyBusyMs(server),
    async stop(signal) {
      server.kill(signal);
      await ended;
      process.removeListener("exit", kill);
    },
  };
}

/** Prepares a server's folder. */
export function runOnce(command: readonly [string, ...string[]], user?: string): void {
  const [program, ...args] = as(user, [command[0]], command.slice(1));
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command[0]} failed: ${error?.message ?? stderr}`);
}

export function give(folder: string, user: string): void {
  if (process.getuid?.() !== 0) return;
  const id = (flag: string): number => Number(spawnSync("id", [flag, user], { encoding: "utf8" }).stdout);
  chownSync(folder, id("-u"), id("-g"));
}

function as(
  user: string | undefined,
  [program, ...prefix]: readonly [string, ...string[]],
  args: readonly string[],
): readonly [string, ...string[]] {
  if (user === undefined || process.getuid?.() !== 0) return [program, ...prefix, ...args];
  const change = [`--reuid=${user}`, `--regid=${user}`, "--init-groups"];
  return ["setpriv", ...change, program, ...prefix, ...args];
}

const DEBIAN_POSTGRES = "/usr/lib/postgresql";

/** Debian keeps each PostgreSQL version's programs in a folder of its own. */
export function programPath(name: string): string {
  const versions = existsSync(DEBIAN_POSTGRES) ? readdirSync(DEBIAN_POSTGRES) : [];
  const folders = [
    ...(process.env["PATH"] ?? "").split(delimiter),
    "/usr/sbin",
    ...versions.map((version) => join(DEBIAN_POSTGRES, version, "bin")),
  ];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? name;
}

/** What it and the processes that it made have used; PostgreSQL has one for each session. */
function familyBusyMs({ pid = 0 }: ChildProcess): number {
  const children = spawnSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" }).stdout;
  const pids = children.split(/\s+/).filter(Boolean).map(Number);
  return [pid, ...pids].reduce((sum, each) => sum + (processBusyMs(each) || 0), 0);
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, HOST, () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
