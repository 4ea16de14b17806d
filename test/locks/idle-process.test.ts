import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { storeUrls } from "./store-urls.ts";

const LIMIT_MS = 15_000;

describe("a program that has come to its end", () => {
  for (const { name, start } of storeUrls) {
    test(`ends, though it holds a lock on ${name} and closed nothing`, async () => {
      const store = await start();
      try {
        const script = fileURLToPath(new URL("./idle-process.js", import.meta.url));
        const child = fork(script, [store.url], { timeout: LIMIT_MS, killSignal: "SIGKILL" });
        child.disconnect(); // else it would wait for messages
        assert.deepEqual(await once(child, "exit"), [0, null]);
      } finally {
        await store.stop();
      }
    });
  }
});
