import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { adaptive, connect, increment } from "holdfast";
import type { StartedStore } from "../locks/store-urls.ts";
import { recordStores } from "./stores.ts";

const WRITERS = 16;
const EACH = 15;
/** Of those that are killed, long before they are done. */
const ENDLESS = 100_000;
const LIMIT_MS = 90_000;

for (const { name, start } of recordStores) {
  // Other processes do not reach this one's memory.
  if (name === "memory") continue;
  describe(`combined edits of several processes on ${name}`, () => {
    let store: StartedStore;
    before(async () => {
      store = await start();
    });
    after(async () => store?.stop());

    test("no edit is lost or made twice, also of processes that are killed in the middle", async (t) => {
      const finished = ["a", "b"].map((process) => run(store.url, process, EACH, Infinity));
      const killed = ["c", "d"].map((process) => run(store.url, process, ENDLESS, 100));
      const outcomes = await Promise.all([...finished, ...killed]);
      for (const { acknowledged } of outcomes.slice(0, 2)) assert.equal(acknowledged.length, WRITERS * EACH);
      const acknowledged = outcomes.flatMap((outcome) => outcome.acknowledged);
      const asked = outcomes.flatMap((outcome) => outcome.asked);
      const known = new Set(acknowledged);
      const unknown = asked.filter((opId) => !known.has(opId));
      t.diagnostic(`${acknowledged.length} acknowledged, ${unknown.length} unknown`);
      const hf = await connect(store.url);
      const counters = hf.records<{ readonly n?: number }>("combined");
      const again = [...unknown, ...acknowledged.slice(-20)];
      await Promise.all(again.map((opId) => counters.update("hot", increment("n"), adaptive({ opId }))));
      assert.equal((await counters.get("hot"))?.value.n, asked.length);
      const history = await counters.history("hot", { limit: 10_000 });
      assert.deepEqual(history.map(({ opId }) => opId).sort(), [...asked].sort());
      for (const [at, { value, parents }] of history.entries()) {
        assert.equal(value?.n, asked.length - at);
        assert.deepEqual(parents, at === asked.length - 1 ? [] : [history[at + 1]?.revision]);
      }
      await hf.close();
    });
  });
}

/** Runs a process to its end, or until it has had so many edits acknowledged. */
async function run(
  url: string,
  name: string,
  count: number,
  killAfter: number,
): Promise<{ readonly asked: readonly string[]; readonly acknowledged: readonly string[] }> {
  const script = fileURLToPath(new URL("./combining-process.js", import.meta.url));
  const child = spawn(process.execPath, [script, url, "combined", name, String(count)], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  let said = "";
  let seen = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    seen += text.split("! ").length - 1;
    if (seen >= killAfter) child.kill("SIGKILL");
  });
  await once(child, "close");
  const told = (mark: string): string[] =>
    said.split("\n").flatMap((line) => (line.startsWith(mark) ? [line.slice(2)] : []));
  return { asked: told("? "), acknowledged: told("! ") };
}
