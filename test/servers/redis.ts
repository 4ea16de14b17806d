import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { ensureServers, findProgram } from "./install.ts";

const HOST = "127.0.0.1";
const READY_MS = 15_000;

/** One server process. All signals go to it alone. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Sends one command in the inline form, and returns the raw reply. For set-up only. */
  command(...words: string[]): Promise<string>;
  freeze(): void;
  thaw(): void;
  /** As a crash: SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>;
  /** The same server again, on the same port; what it had in memory is forgotten. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface RedisTopology {
  readonly url: string;
  readonly nodes: readonly RedisServer[];
  /** Resolves when all nodes serve, also after they were restarted. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

export interface RedisSentinels extends Omit<RedisTopology, "ready"> {
  readonly sentinelPorts: readonly number[];
  readonly master: RedisServer;
  readonly replica: RedisServer;
}

/** A single server without persistence. */
export async function startRedis(options: readonly string[] = []): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-redis-"));
  const discard = (): Promise<void> => rm(folder, { recursive: true, force: true });
  return startServer(folder, await freePort(), options, discard);
}

/** Three masters without replicas. */
export async function startRedisCluster(): Promise<RedisTopology> {
  const newFolder = (): Promise<string> => mkdtemp(join(tmpdir(), "holdfast-redis-"));
  const folders = await Promise.all([newFolder(), newFolder(), newFolder()]);
  const nodes = await Promise.all(
    folders.map(async (folder) => {
      // The cluster's bus takes a port of its own.
      const [port, bus] = [await freePort(), await freePort()];
      const options = ["--cluster-enabled", "yes", "--cluster-port", String(bus)];
      const timing = ["--cluster-node-timeout", "1000", "--cluster-announce-ip", HOST];
      const discard = (): Promise<void> => rm(folder, { recursive: true, force: true });
      return startServer(folder, port, [...options, ...timing], discard);
    }),
  );
  const addresses = nodes.map(({ port }) => `${HOST}:${port}`);
  const replicas = ["--cluster-replicas", "0", "--cluster-yes"];
  await run("redis-cli", ["--cluster", "create", ...addresses, ...replicas]);
  const ready = (): Promise<void> =>
    until("the cluster to be ready", async () => {
      const states = await Promise.all(nodes.map((node) => node.command("CLUSTER", "INFO")));
      return states.every((state) => state.includes("cluster_state:ok"));
    });
  await ready();
  return {
    url: `redis+cluster://${addresses.join(",")}`,
    nodes,
    ready,
    stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))),
  };
}

/** A master, its replica and three sentinels that agree within a second or two. */
export async function startRedisSentinels(): Promise<RedisSentinels> {
  // Otherwise it waits for more replicas before it serves the first one.
  const master = await startRedis(["--repl-diskless-sync-delay", "0"]);
  const replica = await startRedis(["--replicaof", HOST, String(master.port)]);
  await until("the replica to follow", async () =>
    (await replica.command("INFO", "replication")).includes("master_link_status:up"),
  );
  const folder = await mkdtemp(join(tmpdir(), "holdfast-sentinels-"));
  const discard = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const sentinels = await Promise.all(
    [1, 2, 3].map(async (number) => {
      const port = await freePort();
      const file = join(folder, `${number}.conf`);
      const lines = [
        `port ${port}`,
        `bind ${HOST}`,
        `dir ${folder}`,
        `sentinel monitor main ${HOST} ${master.port} 2`,
        "sentinel down-after-milliseconds main 500",
        "sentinel failover-timeout main 2000",
      ];
      await writeFile(file, lines.join("\n"));
      return startProgram([file, "--sentinel"], port, discard);
    }),
  );
  await until("the sentinels to know each other", async () => {
    const asked = sentinels.map(({ command }) => command("SENTINEL", "master", "main"));
    const views = await Promise.all(asked);
    return views.every(
      (view) => /num-other-sentinels\s+\$1\s+2/.test(view) && /num-slaves\s+\$1\s+1/.test(view),
    );
  });
  const sentinelPorts = sentinels.map(({ port }) => port);
  return {
    url: `redis+sentinel://${sentinelPorts.map((port) => `${HOST}:${port}`).join(",")}/main`,
    sentinelPorts,
    master,
    replica,
    nodes: [master, replica],
    async stop() {
      await Promise.all([...sentinels, master, replica].map((each) => each.stop()));
    },
  };
}

function startServer(
  folder: string,
  port: number,
  options: readonly string[],
  discard: () => Promise<void>,
): Promise<RedisServer> {
  const settings = [
    "--port",
    String(port),
    "--bind",
    HOST,
    "--save",
    "",
    "--appendonly",
    "no",
    "--dir",
    folder,
  ];
  return startProgram([...settings, ...options], port, discard);
}

async function startProgram(
  args: readonly string[],
  port: number,
  discard: () => Promise<void>,
): Promise<RedisServer> {
  let child = await launch(args, port);
  let isStopped = false;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    // A frozen process hears nothing else.
    child.kill("SIGCONT");
    child.kill(signal);
    await ended;
  };
  return {
    port,
    url: `redis://${HOST}:${port}`,
    command: (...words) => ask(port, words.join(" ")),
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    kill: () => end("SIGKILL"),
    async restart() {
      await end("SIGKILL");
      child = await launch(args, port);
    },
    async stop() {
      if (isStopped) return;
      isStopped = true;
      await end("SIGKILL");
      await discard();
    },
  };
}

/** Servers do not outlive the tests, however these end. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  process.once(signal, () => process.exit(1));
}

async function launch(args: readonly string[], port: number): Promise<ChildProcess> {
  const child = spawn(program("redis-server"), args, { stdio: "ignore" });
  running.add(child);
  child.once("exit", () => running.delete(child));
  const failed = new Promise<never>((_, reject) => child.once("error", reject));
  const ready = until(`a server on port ${port}`, async () => {
    if (child.exitCode !== null)
      throw new Error(`redis-server ended with ${child.exitCode}: ${args.join(" ")}`);
    return (await ask(port, "PING").catch(() => "")).includes("PONG");
  });
  await Promise.race([ready, failed]);
  return child;
}

function program(name: string): string {
  ensureServers((line) => console.error(line));
  const path = findProgram(name);
  if (path !== undefined) return path;
  throw new Error(`${name} is missing: apt-get install redis-server redis-tools`);
}

async function run(name: string, args: readonly string[]): Promise<void> {
  const child = spawn(program(name), args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (data: Buffer) => (output += data.toString()));
  child.stderr.on("data", (data: Buffer) => (output += data.toString()));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`${name} ended with ${String(code)}: ${output}`);
}

async function ask(port: number, line: string): Promise<string> {
  const socket = connect(port, HOST, () => socket.write(`${line}\r\n`));
  let reply = "";
  let heardAt = Infinity;
  socket.on("data", (data) => {
    reply += data.toString();
    heardAt = performance.now();
  });
  const failed = new Promise<never>((_, reject) => socket.once("error", reject));
  // Replies of this size come in one piece or in close succession.
  const complete = until("a reply", async () => performance.now() - heardAt > 10, 2_000);
  try {
    await Promise.race([complete, failed]);
  } finally {
    socket.destroy();
  }
  return reply;
}

async function until(what: string, holds: () => Promise<boolean>, maxMs = READY_MS): Promise<void> {
  const giveUpAt = performance.now() + maxMs;
  while (!(await holds())) {
    if (performance.now() > giveUpAt) throw new Error(`waited ${maxMs} ms for ${what}`);
    await wait(5);
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, HOST, resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  return port;
}
