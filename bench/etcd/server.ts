import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pinned } from "../machine.ts";
import { sleep } from "../stopwatch.ts";
import { call } from "./raw.ts";

const HOST = "127.0.0.1";
const STARTS_MAX = 200;

export interface EtcdServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** A server of its own on the loopback, pinned to the servers' core. */
export async function startEtcd(fsync: boolean): Promise<EtcdServer> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-etcd-"));
  const [port, peerPort] = [await freePort(), await freePort()];
  const [client, peer] = [`http://${HOST}:${port}`, `http://${HOST}:${peerPort}`];
  const [command, ...prefix] = pinned("server", "etcd");
  const args = [
    ...["--name", "e0", "--data-dir", folder, "--log-level", "error"],
    ...["--listen-client-urls", client, "--advertise-client-urls", client],
    ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
    ...["--initial-cluster", `e0=${peer}`, ...(fsync ? [] : ["--unsafe-no-fsync"])],
  ];
  const server = spawn(command, [...prefix, ...args], { stdio: "ignore" });
  server.once("error", () => undefined); // told below, as a server that does not answer
  const ended = once(server, "exit");
  const stop = async (): Promise<void> => {
    server.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  for (let start = 1; ; start += 1) {
    try {
      await call(port, "/v3/kv/range", { key: "AA==" });
      return { port, stop };
    } catch (cause) {
      if (start < STARTS_MAX && server.exitCode === null) await sleep(50);
      else {
        if (server.pid !== undefined) await stop();
        throw new Error("etcd does not start. Is it installed and on the PATH?", { cause });
      }
    }
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, HOST);
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
