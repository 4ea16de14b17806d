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
const EACH = 6;

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

    /** Two loops, side by side, that each add one to the number in the file several times. */
    async function count(increment: (file: string) => Promise<unknown>): Promise<number> {
      const file = join(folder, "counter");
      writeFileSync(file, "0");
      const loop = async (): Promise<void> => {
        for (let i = 0; i < EACH; i++) await increment(file);
      };
      await Promise.all([loop(), loop()]);
      return Number(readFileSync(file, "utf8"));
    }

    test("two processes counting in a file lose nothing, and without the lock they do", async () => {
      const [node, script] = INCREMENT;
      const counted = await count(async (file) => {
        const { code, stderr } = await holdfast(["run", "counter", "--", node, script, file], {
          url: store.url,
        });
        assert.equal(code, 0, stderr);
      });
      assert.equal(counted, 2 * EACH);
      const unprotected = await count((file) => promisify(execFile)(node, [script, file]));
      assert.ok(unprotected < 2 * EACH, `the control lost nothing: ${unprotected}`);
    });
  });
}
