import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accepts, freePort } from "./stores.ts";
import { setTimeout as delay } from "node:timers/promises";

const JARS = ["zookeeper", "slf4j-nop"].map((jar) => `/usr/share/java/${jar}.jar`);
const MAIN = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
const SERVES_MS = 20_000;

/** With CI=true a missing server is a failure, not a reason to leave something out. */
export const zooKeeperMissing: string | false =
  JARS.every(existsSync) || process.env["CI"] === "true" ? false : "zookeeper is not installed";

/** A server of its own; `end` takes it and its folder away. */
export async function startZooKeeper(): Promise<{ readonly url: string; end(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "crm-zookeeper-"));
  const port = await freePort();
  const settings = {
    tickTime: 500,
    dataDir: folder,
    clientPort: port,
    clientPortAddress: "127.0.0.1",
    "admin.enableServer": false,
  };
  const file = join(folder, "zoo.cfg");
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  writeFileSync(file, lines.join("\n"));
  const options = ["-Xmx128m", "-XX:TieredStopAtLevel=1", "-Dzookeeper.forceSync=no"];
  const server = spawn("java", [...options, "-cp", JARS.join(":"), MAIN, file], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  for (let waited = 0; !(await accepts(port)); waited += 50) {
    if (waited > SERVES_MS) throw new Error(`nothing listens on port ${port}`);
    await delay(50);
  }
  return {
    url: `zookeeper://127.0.0.1:${port}/crm`,
    async end() {
      server.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
