import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const LIMIT_MS = 30_000;

/** Examples are what people copy. Each runs from an empty folder, needs no server, and ends by itself. */
describe("the example", () => {
  const names = readdirSync(join(root, "examples"))
    .map((file) => /^(.+)\.ts$/.exec(file)?.[1])
    .filter((name) => name !== undefined);

  for (const name of names) {
    test(`${name} runs to its end`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "holdfast-example-"));
      try {
        const { code, output } = await run(join(root, "build/examples", `${name}.js`), folder);
        assert.equal(code, 0, output);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});

async function run(file: string, cwd: string): Promise<{ code: number | string; output: string }> {
  const child = spawn(process.execPath, ["--unhandled-rejections=strict", file], {
    cwd,
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
