import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

const HOST = "127.0.0.1";
const READY_MS = 30_000;
/** Where Debian's packages put their jars. */
export const JARS = "/usr/share/java";
const CLASS_PATH = [`${JARS}/zookeeper.jar`, `${JARS}/slf4j-simple.jar`].join(":");
const MAIN = "org.apache.zookeeper.server.quorum.QuorumPeerMain";

export interface ZooKeeperOptions {
  /** The server's unit of time. Default 200 ms. */
  readonly tickMs?: number;
  /** Whether transactions reach the disk before they are answered. Default: not. */
  readonly fsync?: boolean;
  /** How often it looks for containers without children. Default as by the server: every minute. */
  readonly containerCheckMs?: number;
}

/** One server process. All signals go to it alone. */
export interface ZooKeeperServer {
  readonly port: number;
  readonly url: string;
  /** The answer to one of the server's four-letter words. */
  word(word: string): Promise<string>;
  freeze(): void;
  thaw(): void;
  /** As a crash: SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>;
  /** The same server on the same port, with what it has on disk. Resolves when it serves. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface ZooKeeperEnsemble {
  readonly url: string;
  readonly servers: readonly ZooKeeperServer[];
  /** Resolves when this many serve, one of them as leader. */
  ready(count?: number): Promise<void>;
  leader(): Promise<ZooKeeperServer>;
  followers(): Promise<readonly ZooKeeperServer[]>;
  stop(): Promise<void>;
}

export async function startZooKeeper(options: ZooKeeperOptions = {}): Promise<ZooKeeperServer> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-zookeeper-"));
  const server = await prepare(folder, await freePort(), [], options);
  await server.start();
  return server;
}

/** Three servers. */
export async function startZooKeeperEnsemble(options: ZooKeeperOptions = {}): Promise<ZooKeeperEnsemble> {
  const peers: string[] = ["initLimit=20", "syncLimit=10"];
  for (const id of [1, 2, 3]) peers.push(`server.${id}=${HOST}:${await freePort()}:${await freePort()}`);
  const servers = await Promise.all(
    [1, 2, 3].map(async (id) => {
      const folder = await mkdtemp(join(tmpdir(), "holdfast-zookeeper-"));
      await mkdir(join(folder, "data"));
      await writeFile(join(folder, "data", "myid"), String(id));
      return prepare(folder, await freePort(), peers, options);
    }),
  );
  const roles = (): Promise<readonly string[]> =>
    Promise.all(
      servers.map(async ({ word }) => /Mode: (\w+)/.exec(await word("srvr").catch(() => ""))?.[1] ?? ""),
    );
  const ready = (count = servers.length): Promise<void> =>
    until("the ensemble to serve", async () => {
      const modes = await roles();
      return modes.includes("leader") && modes.filter((mode) => mode !== "").length >= count;
    });
  await Promise.all(servers.map((server) => server.start()));
  await ready();
  return {
    url: `zookeeper://${servers.map(({ port }) => `${HOST}:${port}`).join(",")}`,
    servers,
    ready,
    async leader() {
      await ready(2);
      return servers[(await roles()).indexOf("leader")]!;
    },
    async followers() {
      const modes = await roles();
      return servers.filter((_, at) => modes[at] === "follower");
    },
    stop: async () => void (await Promise.all(servers.map((server) => server.stop()))),
  };
}

async function prepare(
  folder: string,
  port: number,
  peers: readonly string[],
  { tickMs = 200, fsync = false, containerCheckMs = 60_000 }: ZooKeeperOptions,
): Promise<ZooKeeperServer> {
  const file = join(folder, "zoo.cfg");
  const lines = [
    `tickTime=${tickMs}`,
    `dataDir=${join(folder, "data")}`,
    `clientPort=${port}`,
    `clientPortAddress=${HOST}`,
    "admin.enableServer=false",
    "maxClientCnxns=0",
    // The kit has leases of minutes, fault tests sessions of a second.
    "maxSessionTimeout=3600000",
    "4lw.commands.whitelist=*",
    ...peers,
  ];
  await writeFile(file, lines.join("\n"));
  const settings = [
    ...["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dzookeeper.cnxTimeout=1000"],
    `-Dzookeeper.forceSync=${fsync ? "yes" : "no"}`,
    `-Dznode.container.checkIntervalMs=${containerCheckMs}`,
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
  ];
  let child: ChildProcess | undefined;
  let log = "";
  const word = (text: string): Promise<string> => ask(port, text);
  const isRunning = (): boolean => child?.exitCode === null && child.signalCode === null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined || !isRunning()) return;
    const ended = new Promise((resolve) => child?.once("exit", resolve));
    child.kill(signal);
    if (signal !== "SIGKILL") child.kill("SIGCONT");
    await ended;
  };
  return {
    port,
    url: `zookeeper://${HOST}:${port}`,
    word,
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    kill: () => end("SIGKILL"),
    async start() {
      const started = spawn("java", [...settings, "-cp", CLASS_PATH, MAIN, file], {
        cwd: folder,
        stdio: ["ignore", "ignore", "pipe"],
      });
      child = started;
      running.add(started);
      started.once("exit", () => running.delete(started));
      started.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
      // One of several serves only when most of them do.
      if (peers.length > 0) return;
      await until(`ZooKeeper on ${port}`, async () => {
        if (!isRunning()) throw new Error(`ZooKeeper ended: ${log}`);
        // "imok" says only that the process runs.
        return /Mode:/.test(await word("srvr").catch(() => ""));
      });
    },
    async stop() {
      await end("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function ask(port: number, word: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, HOST, () => socket.write(word));
    let text = "";
    socket.setTimeout(1_000, () => socket.destroy(new Error("no answer")));
    socket.setEncoding("utf8").on("data", (part: string) => (text += part));
    socket.on("error", reject).on("close", () => resolve(text));
  });
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + READY_MS;
  while (!(await condition())) {
    if (Date.now() > giveUpAt) throw new Error(`waited ${READY_MS} ms for ${what}`);
    await wait(20);
  }
}

/** Servers do not outlive the tests, however these end. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => process.exit(1));

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, HOST, resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  return port;
}
