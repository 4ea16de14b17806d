import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { FaultyStore } from "../faults/stores.ts";
import { holdfast } from "./program.ts";
import { STORES } from "./stores.ts";

const INCREMENT = [
  process.execPath,
  fileURLToPath(new URL("./racy-increment.js", import.meta.url)),
] as const;
const ROUNDS = 6;
/** The control ends at its first loss; a busy machine may keep two processes apart for a while. */
const CONTROL_ROUNDS = 20;

for (const { name, options, start } of STORES) {
  describe(`exclusion by holdfast run on ${name}`, options, () => {
    let store: FaultyStore;
    let folder: string;
    before(async () => {
      store = await start();
      folder = mkdtempSync(join(tmpdir(), "holdfast-cli-"));
    });
    after(async () => {
      await store.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    /** Two processes at a time add one each to the number in a file. Returns how many are missing. */
    async function lost(
      rounds: number,
      increment: (file: string) => Promise<unknown>,
    ): Promise<number> {
      const file = join(folder, "counter");
      writeFileSync(file, "0");
      for (let round = 1; round <= rounds; round++) {
        await Promise.all([increment(file), increment(file)]);
        const missing = 2 * round - Number(readFileSync(file, "utf8"));
        if (missing > 0) return missing;
      }
      return 0;
    }

    test("two processes counting in a file lose nothing, and without the lock they do", async () => {
      const [node, script] = INCREMENT;
      const underLock = await lost(ROUNDS, async (file) => {
        const args = ["run", "counter", "--", node, script, file];
        const { code, stderr } = await holdfast(args, { url: store.url });
        assert.equal(code, 0, stderr);
      });
      assert.equal(underLock, 0);
      const run = promisify(execFile);
      const without = await lost(CONTROL_ROUNDS, (file) => run(node, [script, file]));
      assert.ok(without > 0, "the control lost nothing");
    });
  });
}
