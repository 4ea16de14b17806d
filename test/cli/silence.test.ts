import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { FaultyStore } from "../faults/stores.ts";
import { hasEnded, SLEEPER, start } from "./program.ts";
import { SILENT_STORES } from "./stores.ts";

const NODE = process.execPath;
/** Two cores, shared with others, start and end processes late. */
const SLACK_MS = 2_500;

for (const { name, options, start: open } of SILENT_STORES) {
  describe(`holdfast run and a store that falls silent: ${name}`, options, () => {
    let store: FaultyStore;
    const url = (): { url: string } => ({ url: store.url });
    before(async () => {
      store = await open();
    });
    after(() => store.stop());

    test("the command is ended by the deadline, and holdfast ends too", async (t) => {
      const run = start(t, ["run", "--ttl", "2s", "frozen", "--", NODE, "-e", SLEEPER], url());
      const child = Number.parseInt((await run.until(/^\d+\n/))[0], 10);
      await store.freeze();
      const frozenAt = performance.now();
      try {
        await hasEnded(child);
        const took = performance.now() - frozenAt;
        assert.ok(took < 2_000 + SLACK_MS, `${took} ms`);
        const { code, stderr } = await run.ended;
        assert.equal(code, 79, stderr);
      } finally {
        await store.thaw();
      }
    });

    test("while it waits, TERM ends it all the same, and it says 69 by itself", async (t) => {
      const holder = start(t, ["run", "--ttl", "1m", "hung", "--", NODE, "-e", SLEEPER], url());
      await holder.until(/^\d+\n/);
      const waiters = ["10m", "50ms"].map((ttl) =>
        start(t, ["run", "--verbose", "--ttl", ttl, "hung", "--", "true"], url()),
      );
      await Promise.all(waiters.map((waiter) => waiter.until(/waiting/, "stderr")));
      await store.freeze();
      try {
        await delay(100);
        waiters[0]?.kill("SIGTERM");
        const [ended, failed] = await Promise.all(waiters.map((waiter) => waiter.ended));
        assert.equal(ended?.code, 143);
        assert.equal(failed?.code, 69, failed?.stderr);
        assert.match(failed?.stderr ?? "", /\n {2}Is the store up\?/);
      } finally {
        await store.thaw();
      }
    });
  });
}
