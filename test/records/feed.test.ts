import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { connect, type Checkpoint, type RecordVersion } from "holdfast";
import type { StartedStore } from "../locks/store-urls.ts";
import { writeAll, type Written } from "./feed-writer.ts";
import { recordStores } from "./stores.ts";

const WRITERS = 3;
const WRITES = 60;

for (const { name, start } of recordStores) {
  describe(`the feed on ${name}`, () => {
    let store: StartedStore;
    before(async () => {
      store = await start();
    });
    after(async () => store?.stop());

    test("who pauses and starts anew sees each change once, in order, while processes write", async () => {
      const collection = "fed";
      const writer = name === "memory" ? writeAll : inProcess;
      let writing = true;
      const all = Array.from({ length: WRITERS }, (_, at) => writer(store.url, collection, `w${at}`, WRITES));
      const done = Promise.all(all).finally(() => (writing = false));
      const readers = [1, 20, 500].map((limit) => readAll(store.url, collection, limit, () => writing));
      const written = (await done).flat();
      const seen = await Promise.all(readers);

      const hf = await connect(store.url);
      const records = hf.records<string>(collection);
      for (const versions of seen) {
        const shown = versions.map(({ revision }) => revision);
        assert.equal(new Set(shown).size, shown.length, "nothing comes twice");
        for (const [key, revision] of written)
          assert.ok(shown.includes(revision), `${key} at ${revision} is shown`);
        for (const key of new Set(versions.map((version) => version.key))) {
          const history = await records.history(key, { limit: 10_000 });
          assert.deepEqual(
            versions.filter((version) => version.key === key),
            [...history].reverse(),
          );
          for (const [at, version] of history.slice(0, -1).entries()) {
            assert.deepEqual(version.parents, [history[at + 1]?.revision], "a chain without forks");
          }
        }
      }
      await hf.close();
    });
  });
}

async function inProcess(...asked: [string, string, string, number]): Promise<Written> {
  const script = fileURLToPath(new URL("./feed-writer-process.js", import.meta.url));
  const child = fork(script, asked.map(String), { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const ended = once(child, "exit");
  const [written] = (await Promise.race([
    once(child, "message"),
    ended.then(([code]) => assert.fail(`a writer ended with ${code}`)),
  ])) as [Written];
  await ended;
  return written;
}

/**
 * Reads to the end of the feed, and on as long as somebody writes; every now and then by a new coordinator.
 */
async function readAll(
  url: string,
  collection: string,
  limit: number,
  isWriting: () => boolean,
): Promise<readonly RecordVersion<string>[]> {
  const seen: RecordVersion<string>[] = [];
  let stored = "null";
  for (let isLast = false; !isLast;) {
    const hf = await connect(url);
    for (let pages = 0; pages < 40 && !isLast; pages += 1) {
      const wasWriting = isWriting();
      const after = JSON.parse(stored) as Checkpoint | null;
      const page = await hf.records<string>(collection).changes({ after, limit });
      assert.ok(page.kind === "page", "nothing has been pruned");
      seen.push(...page.versions);
      stored = JSON.stringify(page.checkpoint);
      isLast = !wasWriting && !page.more;
      if (!page.more) await wait(Math.random() * 10);
    }
    await hf.close();
  }
  return seen;
}
