import { mkdirSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { HOST } from "./lockers/locker.ts";
import { freePort, programPath, runOnce, startProgram } from "./server-program.ts";
import { NOWHERE, type Servers } from "./servers.ts";

/** A server of its own, with MariaDB's defaults: each commit reaches the disk. */
export async function startMariaDb(directory: string): Promise<Servers> {
  mkdirSync(directory, { recursive: true });
  const folders = [`--datadir=${join(directory, "data")}`, `--tmpdir=${directory}`];
  const data = ["--no-defaults", ...folders, `--user=${userInfo().username}`];
  runOnce([
    programPath("mariadb-install-db"),
    ...data,
    "--auth-root-authentication-method=normal",
    "--skip-test-db",
  ]);
  const port = await freePort();
  const address = [`--port=${port}`, `--bind-address=${HOST}`];
  const listening = [...address, "--skip-name-resolve", "--max-connections=300"];
  const files = [`--socket=${join(directory, "socket")}`, `--pid-file=${join(directory, "pid")}`];
  const url = `mysql://root@${HOST}:${port}/`;
  const server = await startProgram([programPath("mariadbd"), ...data, ...listening, ...files], () =>
    ask(url, "SELECT 1").then(() => true, () => false),
  );
  const [{ version } = { version: "" }] = await ask(url, "SELECT version() AS version");
  return {
    addresses: { ...NOWHERE, mysqlUrl: `${url}bench` },
    description: String(version),
    async flush() {
      await ask(url, "DROP DATABASE IF EXISTS bench");
      await ask(url, "CREATE DATABASE bench");
    },
    settle: async () => {},
    busyMs: () => server.busyMs(),
    stop: () => server.stop("SIGTERM"),
  };
}

async function ask(url: string, text: string): Promise<readonly RowDataPacket[]> {
  const connection = await createConnection(url);
  connection.on("error", () => {});
  try {
    const [rows] = await connection.query<RowDataPacket[]>(text);
    return Array.isArray(rows) ? rows : [];
  } finally {
    await connection.end();
  }
}

/** Statements that clients have sent so far. */
export async function questions(url: string): Promise<number> {
  const [row] = await ask(url, "SHOW GLOBAL STATUS LIKE 'Questions'");
  return Number(row?.["Value"]);
}
