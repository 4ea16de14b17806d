import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { HOST } from "./lockers/locker.ts";
import { freePort, give, programPath, runOnce, startProgram } from "./server-program.ts";
import { NOWHERE, type Servers } from "./servers.ts";

const USER = "postgres";

/** A server of its own, with PostgreSQL's defaults: each commit reaches the disk. */
export async function startPostgres(directory: string): Promise<Servers> {
  mkdirSync(directory, { recursive: true });
  give(directory, USER);
  const data = join(directory, "data");
  const making = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
  runOnce([programPath("initdb"), ...making], USER);
  const port = await freePort();
  const url = `postgres://postgres@${HOST}:${port}/postgres`;
  const address = [`listen_addresses=${HOST}`, `unix_socket_directories=${directory}`];
  const settings = [...address, "max_connections=300"];
  const server = await startProgram(
    [programPath("postgres"), "-D", data, "-p", String(port), ...settings.flatMap((each) => ["-c", each])],
    () => ask(url, "SELECT 1").then(() => true, () => false),
    USER,
  );
  const [version] = await ask(url, "SHOW server_version");
  return {
    addresses: { ...NOWHERE, postgresUrl: url },
    description: `PostgreSQL ${version}`,
    async flush() {
      await ask(url, "DROP SCHEMA IF EXISTS holdfast, relaxed CASCADE");
      await ask(url, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    },
    settle: async () => {},
    busyMs: () => server.busyMs(),
    stop: () => server.stop("SIGINT"),
  };
}

/** The values of the first row. */
async function ask(url: string, text: string): Promise<readonly unknown[]> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    const { rows = [] } = await client.query<Record<string, unknown>>(text);
    return Object.values(rows[0] ?? {});
  } finally {
    await client.end();
  }
}

/** Transactions that the server has ended so far; what is measured here ends one with each statement. */
export async function transactions(url: string): Promise<number> {
  const [count] = await ask(
    url,
    "SELECT sum(xact_commit + xact_rollback)::int FROM pg_stat_database WHERE datname = 'postgres'",
  );
  return Number(count);
}
