import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { BackendError, connect, type Records } from "holdfast";
import { FaultProxy } from "holdfast/testkit";
import type { StartedStore } from "../locks/store-urls.ts";
import { COUNTER, increment } from "./incrementer.ts";
import { recordStores } from "./stores.ts";

const PROCESSES = 4;
const INCREMENTS = 30;

for (const { name, start } of recordStores) {
  // Other processes do not reach this one's memory, and it has no network that could lose a reply.
  if (name === "memory") continue;
  describe(`crashes on ${name}`, () => {
    let store: StartedStore;
    before(async () => {
      store = await start();
    });
    after(async () => store?.stop());

    test("of increments by processes that are killed, each has one effect once it is settled", async (t) => {
      const collection = "killed";
      const processes = Array.from({ length: PROCESSES }, (_, at) => killed(store.url, collection, `p${at}`));
      const outcomes = await Promise.all(processes);
      const acknowledged = outcomes.flatMap((outcome) => outcome.acknowledged);
      const unknown = outcomes.flatMap((outcome) => outcome.unknown);
      t.diagnostic(`${acknowledged.length} acknowledged, ${unknown.length} unknown`);
      const hf = await connect(store.url);
      const numbers = hf.records<number>(collection);
      const made = (await numbers.history(COUNTER, { limit: 10_000 })).map(({ opId }) => opId);
      for (const opId of acknowledged) assert.ok(made.includes(opId), `${opId} was acknowledged, and lost`);
      for (const opId of unknown) await increment(numbers, opId);
      for (const opId of acknowledged.slice(-3)) await increment(numbers, opId);
      await checkCount(numbers, [...acknowledged, ...unknown]);
      await hf.close();
    });

    test("of increments whose reply is lost after the commit, each has one effect", async (t) => {
      if (name === "Redis Cluster") return t.diagnostic("its clients go to each node by its own address");
      const { hostname, port } = new URL(store.url);
      if (port === "") return t.diagnostic("there is no network");
      const proxy = await FaultProxy.start({ host: hostname, port: Number(port) });
      const hf = await connect(store.url.replace(`:${port}`, `:${proxy.port}`));
      const numbers = hf.records<number>("cut");
      const opIds = Array.from({ length: INCREMENTS }, (_, at) => `op.${at}.`);
      for (const [at, opId] of opIds.entries()) {
        const cut = at % 3 === 0 ? proxy.dropNextReply((request) => request.includes(opId)) : undefined;
        let isSettled = false;
        for (let tries = 0; !isSettled; tries += 1) {
          assert.ok(tries < 200, `${opId} is not settled by 200 tries`);
          // A connection that was cut refuses at once until it is mended.
          if (tries > 0) await wait(25);
          isSettled = await increment(numbers, opId).then(
            () => true,
            (error: unknown) => {
              // Its own connection is settled by the library; a read may have stood in the way of the reset.
              assert.ok(error instanceof BackendError, String(error));
              const isUnknown = error.operation === "write" && error.outcome === "unknown";
              if (isUnknown) assert.equal(error.opId, opId);
              return false;
            },
          );
        }
        await cut;
      }
      await checkCount(numbers, opIds);
      await hf.close();
      await proxy.close();
    });
  });
}

/** Runs a process that increments, kills it at some moment, and tells what became of its increments. */
async function killed(
  url: string,
  collection: string,
  name: string,
): Promise<{ readonly acknowledged: readonly string[]; readonly unknown: readonly string[] }> {
  const script = fileURLToPath(new URL("./incrementer-process.js", import.meta.url));
  const child = spawn(process.execPath, [script, url, collection, name], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  const closed = once(child, "close");
  for (let turns = 0; turns < 2_000 && said.split("\n").length < 20; turns += 1) await wait(10);
  await wait(Math.random() * 200);
  child.kill("SIGKILL");
  await closed;
  const lines = said.trim().split("\n");
  const told = (mark: string): string[] =>
    lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(2));
  const acknowledged = told("! ");
  assert.ok(acknowledged.length > 0, `${name} got nothing done`);
  return { acknowledged, unknown: told("? ").filter((opId) => !acknowledged.includes(opId)) };
}

/** The counter is the number of increments, each of which made one version of a chain. */
async function checkCount(numbers: Records<number>, opIds: readonly string[]): Promise<void> {
  const history = await numbers.history(COUNTER, { limit: 10_000 });
  assert.equal((await numbers.get(COUNTER))?.value, opIds.length);
  assert.deepEqual(history.map(({ opId }) => opId).sort(), [...opIds].sort());
  for (const [at, { value, parents }] of history.entries()) {
    assert.equal(value, opIds.length - at);
    assert.deepEqual(parents, at === opIds.length - 1 ? [] : [history[at + 1]?.revision]);
  }
}
