import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdtemp, rename, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createConnection } from "mysql2/promise";
import { findProgram } from "./install.ts";

const HOST = "127.0.0.1";
const READY_MS = 20_000;

/** Small, so that there is little to make. Commits reach the disk, as by default. */
const SETTINGS = [
  "--innodb-log-file-size=16M",
  "--innodb-buffer-pool-size=32M",
  "--key-buffer-size=1M",
  "--aria-pagecache-buffer-size=1M",
];

export interface MysqlServer {
  readonly port: number;
  readonly url: string;
  /** What the server has logged so far. */
  log(): string;
  /** One statement as root, over a connection of its own. */
  query(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Stopped: reachable, but answering nobody. */
  freeze(): void;
  thaw(): void;
  /** Ended by SIGKILL: it writes nothing any more. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** A clean stop and start. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** A MariaDB of its own, on a free port and a folder of its own. */
export async function startMysql(settings: readonly string[] = []): Promise<MysqlServer> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-mysql-"));
  const port = await freePort();
  const url = `mysql://root@${HOST}:${port}/app`;
  const data = join(folder, "data");
  await cp(await template(), data, { recursive: true });
  let log = "";
  let child: ChildProcess;
  const queryAt = async (
    database: { readonly database?: string },
    text: string,
    values: readonly unknown[],
  ): Promise<Record<string, unknown>[]> => {
    const connection = await createConnection({
      host: HOST,
      port,
      user: "root",
      connectTimeout: 2_000,
      ...database,
    });
    connection.on("error", () => undefined);
    try {
      const [rows] = await connection.query(text, values as never);
      return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
    } finally {
      await connection.end();
    }
  };
  const start = async (): Promise<void> => {
    child = spawn(
      program("mariadbd"),
      [
        ...common(data),
        `--socket=${join(folder, "socket")}`,
        `--pid-file=${join(folder, "pid")}`,
        `--port=${port}`,
        `--bind-address=${HOST}`,
        "--skip-name-resolve",
        "--max-connections=300",
        ...settings.map((setting) => `--${setting}`),
      ],
      { cwd: folder, stdio: ["ignore", "ignore", "pipe"] },
    );
    running.add(child);
    child.once("exit", () => running.delete(child));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (log += text));
    const giveUpAt = Date.now() + READY_MS;
    const answers = (): Promise<boolean> =>
      queryAt({}, "CREATE DATABASE IF NOT EXISTS app", []).then(() => true, () => false);
    while (!(await answers())) {
      if (child.exitCode !== null) throw new Error(`mariadbd ended with ${child.exitCode}: ${log}`);
      if (Date.now() > giveUpAt) throw new Error(`waited ${READY_MS} ms for MariaDB on ${port}: ${log}`);
      await wait(20);
    }
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGCONT");
    child.kill(signal);
    await ended;
  };
  await start();
  return {
    port,
    url,
    log: () => log,
    query: (text, values = []) => queryAt({ database: "app" }, text, values),
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    kill: () => end("SIGKILL"),
    start,
    async restart() {
      await end("SIGTERM");
      await start();
    },
    async stop() {
      await end("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const common = (data: string): readonly string[] => [
  "--no-defaults",
  `--datadir=${data}`,
  // A server that starts clears its temporary files away, and those of all that share the folder.
  `--tmpdir=${data}`,
  `--user=${userInfo().username}`,
  ...SETTINGS,
];

/**
 * The files of a new server, made once for this version and kept in the system's folder for what is
 * temporary: making them takes longer than all that some tests do with them.
 */
async function template(): Promise<string> {
  const version = spawnSync(program("mariadbd"), ["--version"], { encoding: "utf8" }).stdout;
  const key = createHash("sha256").update(version).update(SETTINGS.join()).digest("hex").slice(0, 16);
  const kept = join(tmpdir(), `holdfast-mariadb-${userInfo().uid}-${key}`);
  if (existsSync(kept)) return kept;
  const made = await mkdtemp(`${kept}-new-`);
  const { status, stdout, stderr } = spawnSync(
    program("mariadb-install-db"),
    [...common(made), "--auth-root-authentication-method=normal", "--skip-test-db"],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`mariadb-install-db: ${stdout}${stderr}`);
  // Whoever is second has the same.
  await rename(made, kept).catch(() => rm(made, { recursive: true }));
  return kept;
}

/** Servers do not outlive the tests, however these end. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => process.exit(1));

function program(name: string): string {
  const path = findProgram(name);
  if (path === undefined) throw new Error(`${name} is not installed: apt-get install mariadb-server`);
  return path;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, HOST, resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  return port;
}
