import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startMysql } from "./servers/mysql.ts";
import { startPostgres } from "./servers/postgres.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const LIMIT_MS = 30_000;

/** Databases that an example may name, each started once when the first one does. */
const databases = { POSTGRES_URL: startPostgres, MYSQL_URL: startMysql } as const;
const started = new Map<string, Promise<{ readonly url: string; stop(): Promise<void> }>>();
after(() => Promise.all([...started.values()].map(async (server) => (await server).stop())));

/** Addresses of the databases that the example names. */
async function databasesOf(source: string): Promise<Record<string, string>> {
  const urls: Record<string, string> = {};
  for (const [name, start] of Object.entries(databases)) {
    if (!source.includes(name)) continue;
    const server = started.get(name) ?? start();
    started.set(name, server);
    urls[name] = (await server).url;
  }
  return urls;
}

/**
 * Examples are what people copy. Each runs from an empty folder, needs no server but a database that it
 * names, and ends by itself.
 */
describe("the example", () => {
  const names = readdirSync(join(root, "examples"))
    .map((file) => /^(.+)\.ts$/.exec(file)?.[1])
    .filter((name) => name !== undefined);

  for (const name of names) {
    test(`${name} runs to its end`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "holdfast-example-"));
      try {
        const urls = await databasesOf(readFileSync(join(root, "examples", `${name}.ts`), "utf8"));
        const { code, output } = await run(join(root, "build/examples", `${name}.js`), folder, urls);
        assert.equal(code, 0, output);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});

async function run(
  file: string,
  cwd: string,
  urls: Record<string, string>,
): Promise<{ code: number | string; output: string }> {
  const child = spawn(process.execPath, ["--unhandled-rejections=strict", file], {
    cwd,
    env: { ...process.env, ...urls },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code: code ?? `ended by ${signal}`, output }));
  });
}
