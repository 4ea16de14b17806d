import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HOST } from "../lockers/locker.ts";
import { pinned } from "../machine.ts";
import { sleep, within } from "../stopwatch.ts";

const JARS = ["zookeeper", "slf4j-nop"].map((jar) => `/usr/share/java/${jar}.jar`);
const MAIN = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
const START_MS = 20_000;

export interface ZooKeeperServer {
  /** `host:port` */
  readonly address: string;
  stop(): Promise<void>;
}

/** A private server in a temporary folder. `fsync`: transactions reach the disk before they are answered. */
export async function startZooKeeper(fsync: boolean): Promise<ZooKeeperServer> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const port = await freePort();
  const lines = [
    "tickTime=1000",
    `dataDir=${folder}`,
    `clientPort=${port}`,
    `clientPortAddress=${HOST}`,
    "admin.enableServer=false",
    "maxClientCnxns=0",
    "4lw.commands.whitelist=srvr",
  ];
  const file = join(folder, "zoo.cfg");
  writeFileSync(file, lines.join("\n"));
  const [command, ...prefix] = pinned("server", "java");
  // The first compiler only: as fast from the start as it gets, so that who comes later has no advantage.
  const compiler = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"];
  const options = [...compiler, `-Dzookeeper.forceSync=${fsync ? "yes" : "no"}`];
  const args = [...prefix, ...options, "-cp", JARS.join(":"), MAIN, file];
  const child = spawn(command, args, { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await within(START_MS, "starting ZooKeeper", serving(port));
  } catch (error) {
    await stop();
    throw error;
  }
  return { address: `${HOST}:${port}`, stop };
}

async function serving(port: number): Promise<void> {
  while (!/Mode:/.test(await word(port).catch(() => ""))) await sleep(50);
}

function word(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, HOST, () => socket.write("srvr"));
    let text = "";
    socket.setTimeout(500, () => socket.destroy(new Error("no answer")));
    socket.setEncoding("utf8").on("data", (part: string) => (text += part));
    socket.on("error", reject).on("close", () => resolve(text));
  });
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, HOST, resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  return port;
}
