import { execFile, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chmod, chown, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { Client } from "pg";

const HOST = "127.0.0.1";
const READY_MS = 20_000;
const DEBIAN = "/usr/lib/postgresql";
const AS_POSTGRES = ["--reuid=postgres", "--regid=postgres", "--init-groups"];

export interface PostgresServer {
  readonly port: number;
  readonly url: string;
  /** What the server has logged so far. */
  log(): string;
  /** One statement as superuser, over a connection of its own. */
  query(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Stops the postmaster and all its sessions: reachable, but answering nobody. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** As a power cut: nothing is written any more. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** A clean stop and start. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A PostgreSQL of its own, on a free port and a folder of its own. Commits reach the disk, as by
 * default. `programsIn` puts another version's programs into the folder, and says where they are.
 */
export async function startPostgres(
  settings: readonly string[] = [],
  programsIn: (folder: string) => Promise<string> = programFolder,
): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-postgres-"));
  const data = join(folder, "data");
  const programs = await programsIn(folder);
  const asRoot = process.getuid?.() === 0;
  if (asRoot) {
    // The server refuses to run as root.
    const idOf = (flag: string): number => Number(spawnSync("id", [flag, "postgres"]).stdout.toString());
    await chown(folder, idOf("-u"), idOf("-g"));
  }
  const as = (program: string, args: readonly string[]): readonly [string, readonly string[]] => {
    const path = join(programs, program);
    return asRoot ? ["setpriv", [...AS_POSTGRES, path, ...args]] : [path, args];
  };
  const [init, initArgs] = as("initdb", [
    ...["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"],
    ...["--locale=C", "--no-sync", "--no-instructions"],
  ]);
  const made = spawnSync(init, initArgs, { cwd: folder, encoding: "utf8" });
  if (made.status !== 0) throw new Error(`initdb ended with ${String(made.status)}: ${made.stderr}`);
  const port = await freePort();
  const url = `postgres://postgres@${HOST}:${port}/postgres`;
  const args = [
    ...["-D", data, "-p", String(port), "-c", `listen_addresses=${HOST}`],
    ...["-c", `unix_socket_directories=${folder}`, "-c", "max_connections=200", "-c", "shared_buffers=32MB"],
    ...settings.flatMap((setting) => ["-c", setting]),
  ];
  let log = "";
  let child: ChildProcess;
  const query = async (text: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> => {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return (await client.query(text, [...values])).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  };
  const start = async (): Promise<void> => {
    const [server, serverArgs] = as("postgres", args);
    child = spawn(server, serverArgs, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    running.add(child);
    child.once("exit", () => running.delete(child));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (log += text));
    const giveUpAt = Date.now() + READY_MS;
    while (!(await query("SELECT 1").then(() => true, () => false))) {
      if (child.exitCode !== null) throw new Error(`postgres ended with ${child.exitCode}: ${log}`);
      if (Date.now() > giveUpAt) throw new Error(`waited ${READY_MS} ms for PostgreSQL on ${port}: ${log}`);
      await wait(20);
    }
  };
  const toAll = async (signal: NodeJS.Signals): Promise<void> => {
    for (const pid of await family(child)) signalTo(pid, signal);
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    await toAll("SIGCONT");
    if (signal === "SIGKILL") {
      // Sessions that outlive a killed postmaster keep it from starting again; stopped, it makes no more.
      child.kill("SIGSTOP");
      const pids = await family(child);
      for (const pid of pids) signalTo(pid, signal);
      await ended;
      await Promise.all(pids.slice(1).map(gone));
      return;
    }
    child.kill(signal);
    await ended;
  };
  await start();
  let isStopped = false;
  return {
    port,
    url,
    log: () => log,
    query,
    freeze: () => toAll("SIGSTOP"),
    thaw: () => toAll("SIGCONT"),
    kill: () => end("SIGKILL"),
    start,
    async restart() {
      await end("SIGINT");
      await start();
    },
    async stop() {
      if (isStopped) return;
      isStopped = true;
      await end("SIGQUIT");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface Bouncer {
  readonly port: number;
  readonly url: string;
  stop(): Promise<void>;
}

/** PgBouncer in transaction mode before a server, with few connections for many clients. */
export async function startPgBouncer(server: PostgresServer, poolSize = 5): Promise<Bouncer> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-pgbouncer-"));
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
  const port = await freePort();
  const lines = [
    "[databases]",
    `* = host=${HOST} port=${server.port}`,
    "[pgbouncer]",
    `listen_addr = ${HOST}`,
    `listen_port = ${port}`,
    "unix_socket_dir =",
    "auth_type = any",
    "pool_mode = transaction",
    `default_pool_size = ${poolSize}`,
    "max_client_conn = 500",
    "ignore_startup_parameters = extra_float_digits",
  ];
  const file = join(folder, "pgbouncer.ini");
  await writeFile(file, `${lines.join("\n").replace("* = ", "* = user=postgres ")}\n`);
  const [program, args] =
    process.getuid?.() === 0
      ? ["setpriv", [...AS_POSTGRES, "/usr/sbin/pgbouncer", file]]
      : ["pgbouncer", [file]];
  let log = "";
  const child = spawn(program!, args as string[], { stdio: ["ignore", "ignore", "pipe"] });
  running.add(child);
  child.once("exit", () => running.delete(child));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (log += text));
  const url = `postgres://postgres@${HOST}:${port}/postgres`;
  const giveUpAt = Date.now() + READY_MS;
  const answers = async (): Promise<boolean> => {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.end();
      return true;
    } catch {
      return false;
    }
  };
  while (!(await answers())) {
    if (child.exitCode !== null || Date.now() > giveUpAt) {
      throw new Error(`PgBouncer does not answer: ${log}`);
    }
    await wait(20);
  }
  return {
    port,
    url,
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Servers do not outlive the tests, however these end. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGQUIT");
});
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => process.exit(1));

/** The postmaster and its sessions, it first so that it makes no more. */
async function family(child: ChildProcess): Promise<readonly number[]> {
  const listing = promisify(execFile)("ps", ["-o", "pid=", "--ppid", String(child.pid)]);
  const { stdout } = await listing.catch(() => ({ stdout: "" }));
  return [child.pid!, ...stdout.split(/\s+/).filter(Boolean).map(Number)];
}

/** A killed session lives on until the kernel has taken it down. */
async function gone(pid: number): Promise<void> {
  // Where nobody takes notice of its end, it stays in the list, but holds nothing any more.
  const giveUpAt = Date.now() + 1_000;
  while (Date.now() < giveUpAt) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await wait(5);
  }
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/** The newest version that Debian's packages have put there; elsewhere, what is on the path. */
async function programFolder(): Promise<string> {
  const versions = await readdir(DEBIAN).catch(() => []);
  const [newest] = versions.sort((a, b) => Number(b) - Number(a));
  return newest === undefined ? "" : join(DEBIAN, newest, "bin");
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, HOST, resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  return port;
}
