import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, release } from "node:os";

/**
 * Client and server that land on one core by chance answer each other in 18 µs instead of 150, which swamps
 * every difference between libraries. So the server gets one core and a single-process client another.
 */
const SERVER_CORE = "0";
const CLIENT_CORE = "1";

const canPin = availableParallelism() >= 2 && spawnSync("taskset", ["-V"]).status === 0;

/** The command, arranged to run on the core for servers or for clients where this machine can do that. */
export function pinned(role: "server" | "client", command: string): readonly [string, ...string[]] {
  if (!canPin) return [command];
  return ["taskset", "-c", role === "server" ? SERVER_CORE : CLIENT_CORE, command];
}

export function describeMachine(): string {
  const model = cpus()[0]?.model ?? "unknown processor";
  const pinning = canPin ? "server and single clients pinned to a core each" : "nothing pinned";
  return `Node ${process.versions.node}, ${process.platform} ${release()}, ` +
    `${availableParallelism()} cores (${model}), ${pinning}`;
}

const MS_PER_TICK = 10;

/** Processor time all programs of this machine have used since it started. NaN where that is unknown. */
export function busyMs(): number {
  const fields = procFields("/proc/stat");
  // user, nice, system; time in interrupts belongs to nobody and is left out.
  return (Number(fields[1]) + Number(fields[2]) + Number(fields[3])) * MS_PER_TICK;
}

export function processBusyMs(pid: number): number {
  const fields = procFields(`/proc/${pid}/stat`);
  return (Number(fields[13]) + Number(fields[14])) * MS_PER_TICK;
}

function procFields(path: string): readonly string[] {
  try {
    const [line = ""] = readFileSync(path, "latin1").split("\n", 1);
    return line.split(/ +/);
  } catch {
    return [];
  }
}
