import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { ensureServers, findProgram } from "./install.ts";

const HOST = "127.0.0.1";
const READY_MS = 30_000;

/** One member, alone or with others. All signals go to it alone. */
export interface EtcdServer {
  readonly port: number;
  readonly url: string;
  readonly endpoint: string;
  freeze(): void;
  thaw(): void;
  /** As a crash: SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>;
  /** The same member again, on the same port, with what it has on disk. Resolves when it serves. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface EtcdCluster {
  /** Of all members. */
  readonly url: string;
  readonly members: readonly EtcdServer[];
  leader(): Promise<EtcdServer>;
  stop(): Promise<void>;
}

export async function startEtcd(): Promise<EtcdServer> {
  const { members, stop } = await startMembers(1);
  return { ...(members[0] as EtcdServer), stop };
}

export async function startEtcdCluster(): Promise<EtcdCluster> {
  const { members, stop } = await startMembers(3);
  return {
    url: `etcd://${members.map(({ port }) => `${HOST}:${port}`).join(",")}`,
    members,
    async leader() {
      for (const giveUpAt = performance.now() + READY_MS; performance.now() < giveUpAt; await wait(50)) {
        for (const member of members) {
          const status = await post(member.endpoint, "/v3/maintenance/status").catch(() => undefined);
          const header = status?.["header"] as { member_id?: string } | undefined;
          if (header?.member_id !== undefined && header.member_id === status?.["leader"]) return member;
        }
      }
      throw new Error("no member leads");
    },
    stop,
  };
}

/** A request to the gateway, for set-up only. */
export async function post(
  endpoint: string,
  path: string,
  body: object = {},
): Promise<Readonly<Record<string, unknown>>> {
  const signal = AbortSignal.timeout(2_000);
  const reply = await fetch(endpoint + path, { method: "POST", body: JSON.stringify(body), signal });
  if (!reply.ok) throw new Error(`${path}: HTTP ${reply.status} ${await reply.text()}`);
  return (await reply.json()) as Readonly<Record<string, unknown>>;
}

async function startMembers(
  count: number,
): Promise<{ readonly members: readonly EtcdServer[]; readonly stop: () => Promise<void> }> {
  ensureServers((line) => console.error(line));
  const program = findProgram("etcd");
  if (program === undefined) throw new Error("etcd is missing: apt-get install etcd-server etcd-client");
  const folder = await mkdtemp(join(tmpdir(), "holdfast-etcd-"));
  const ports = await freePorts(2 * count);
  const peers = ports.slice(count).map((port, index) => `e${index}=http://${HOST}:${port}`);
  const children = new Set<ChildProcess>();
  const members = ports.slice(0, count).map((port, index): EtcdServer => {
    const endpoint = `http://${HOST}:${port}`;
    const peer = `http://${HOST}:${ports[count + index]}`;
    const args = [
      ...["--name", `e${index}`, "--data-dir", join(folder, `e${index}`)],
      ...["--listen-client-urls", endpoint, "--advertise-client-urls", endpoint],
      ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
      ...["--initial-cluster", peers.join(","), "--unsafe-no-fsync", "--log-level", "error"],
    ];
    let child: ChildProcess;
    const begin = (): void => {
      child = spawn(program, args, { stdio: "ignore" });
      children.add(child);
      child.once("exit", () => children.delete(child));
    };
    begin();
    return {
      port,
      endpoint,
      url: `etcd://${HOST}:${port}`,
      freeze: () => void child.kill("SIGSTOP"),
      thaw: () => void child.kill("SIGCONT"),
      kill: () => ended(child),
      async restart() {
        await ended(child);
        begin();
        await serves(endpoint);
      },
      stop: () => ended(child),
    };
  });
  const stop = async (): Promise<void> => {
    await Promise.all([...children].map(ended));
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await Promise.all(members.map(({ endpoint }) => serves(endpoint)));
  } catch (error) {
    await stop();
    throw error;
  }
  return { members, stop };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

async function serves(endpoint: string): Promise<void> {
  let last: unknown;
  for (const giveUpAt = performance.now() + READY_MS; performance.now() < giveUpAt; await wait(50)) {
    try {
      // A linearizable read: there is a leader.
      await post(endpoint, "/v3/kv/range", { key: "AA==" });
      return;
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`${endpoint} did not come up within ${READY_MS} ms: ${String(last)}`);
}

async function freePorts(count: number): Promise<number[]> {
  const probes = Array.from({ length: count }, () => createServer().listen(0, HOST));
  await Promise.all(probes.map((probe) => once(probe, "listening")));
  const ports = probes.map((probe) => (probe.address() as AddressInfo).port);
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))));
  return ports;
}
