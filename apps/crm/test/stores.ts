import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as openSocket, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** A store that a suite may run on, fresh and its own. */
export interface Store {
  readonly url: string;
  /** A folder that goes with it. */
  readonly folder: string;
  end(): Promise<void>;
  /** Freezes the store's server, or lets it go on; null: it has none. */
  readonly freeze: ((isFrozen: boolean) => void) | null;
}

export interface StoreKind {
  readonly name: string;
  /** Why it cannot be used here, or false. */
  readonly skip: string | false;
  start(): Promise<Store>;
}

/**
 * The stores that every suite of the platform runs on. `CRM_TEST_URL` names another one instead, which
 * should be empty.
 */
export function storeKinds(): readonly StoreKind[] {
  const given = process.env["CRM_TEST_URL"];
  if (given !== undefined)
    return [{ name: new URL(given).protocol, skip: false, start: () => elsewhere(given) }];
  return [
    { name: "sqlite", skip: false, start: onSqlite },
    { name: "redis", skip: redisMissing(), start: onRedis },
  ];
}

async function elsewhere(url: string, folder = newFolder()): Promise<Store> {
  return { url, folder, end: async () => removeFolder(folder), freeze: null };
}

async function onSqlite(): Promise<Store> {
  const folder = newFolder();
  return elsewhere(`sqlite:${join(folder, "crm.db")}`, folder);
}

async function onRedis(): Promise<Store> {
  const folder = newFolder();
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder];
  const server = spawn("redis-server", args, { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  await answers(port);
  return {
    url: `redis://127.0.0.1:${port}`,
    folder,
    async end() {
      server.kill();
      await ended;
      removeFolder(folder);
    },
    freeze: (isFrozen) => void server.kill(isFrozen ? "SIGSTOP" : "SIGCONT"),
  };
}

/** With CI=true a missing server is a failure, not a reason to leave something out. */
function redisMissing(): string | false {
  const isThere = spawnSync("redis-server", ["--version"]).status === 0;
  return isThere || process.env["CI"] === "true" ? false : "redis-server is not installed";
}

const newFolder = (): string => mkdtempSync(join(tmpdir(), "crm-test-"));

const removeFolder = (folder: string): void =>
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

async function answers(port: number): Promise<void> {
  for (let tries = 0; !(await accepts(port)); tries++) {
    if (tries === 200) throw new Error(`nothing listens on port ${port}`);
    await delay(25);
  }
}

/** Whether somebody listens there. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = openSocket(port, "127.0.0.1");
    socket.once("connect", () => (socket.destroy(), resolve(true)));
    socket.once("error", () => resolve(false));
  });
}
