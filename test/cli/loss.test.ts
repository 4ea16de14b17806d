import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { storeKinds, type FaultyStore } from "../faults/stores.ts";
import { eventually, holdfast, isRunning, SLEEPER, start } from "./program.ts";

const NODE = process.execPath;
const WRITER = fileURLToPath(new URL("./fenced-writer.js", import.meta.url));
/** Two cores, shared with others, start processes late. */
const SLACK_MS = 2_500;

for (const kind of storeKinds) {
  describe(`holdfast run and the loss of the lease on ${kind.name}`, () => {
    let store: FaultyStore;
    let folder: string;
    const url = (): { url: string } => ({ url: store.url });
    const inFolder = (name: string): string => join(folder, name);
    before(async () => {
      store = await kind.start();
      folder = mkdtempSync(join(tmpdir(), "holdfast-cli-"));
    });
    after(async () => {
      await store.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    test("SIGKILL of a holder frees the lock within its TTL, and not before", async (t) => {
      const holder = start(t, ["run", "--ttl", "2s", "killed", "--", NODE, "-e", SLEEPER], url());
      await holder.until(/^\d+\n/);
      const next = start(t, ["run", "--verbose", "killed", "--", "true"], url());
      await next.until(/waiting/, "stderr");
      const killedAt = performance.now();
      holder.kill("SIGKILL");
      assert.equal((await next.ended).code, 0);
      const took = performance.now() - killedAt;
      assert.ok(took < 2_000 + SLACK_MS, `${took} ms`);
      // Renewed after a third, the lease had two thirds left at least.
      assert.ok(took > 1_000, `${took} ms`);
    });

    test("SIGSTOP past the TTL: the next one enters, and the resumed one's fenced write is refused", async (t) => {
      const files = { now: inFolder("now"), late: inFolder("late"), leave: inFolder("leave") };
      writeFileSync(files.now, "");
      const write = (go: string): string[] => ["paused", "--", NODE, WRITER, store.url, "record", go, files.leave];
      const paused = start(t, ["run", "--ttl", "1s", ...write(files.late)], url());
      await paused.until(/^\d+\n/);
      paused.kill("SIGSTOP");
      const next = start(t, ["run", "--verbose", ...write(files.now)], url());
      await next.until(/written/);
      // Only the one that renews was stopped, not the command: it writes, with the token it was given.
      writeFileSync(files.late, "");
      await paused.until(/refused/);
      assert.doesNotMatch(paused.stdout, /written/);

      paused.kill("SIGCONT");
      const resumedAt = performance.now();
      const { code, stderr, stdout } = await paused.ended;
      assert.equal(code, 79);
      assert.match(stderr, /lease on "paused" \(token \d+\) was lost: expired: the command is ended\n {2}\S/);
      assert.ok(performance.now() - resumedAt < SLACK_MS);
      assert.equal(isRunning(Number.parseInt(stdout, 10)), false, "the command has ended");
      writeFileSync(files.leave, "");
      assert.equal((await next.ended).code, 0, "and the next one was not disturbed");
    });

    test("forced release from another terminal ends the command and what it has started: 79", async (t) => {
      const script = "sleep 60 & echo $$; echo $!; wait";
      const run = start(t, ["run", "--ttl", "1m", "forced", "--", "sh", "-c", script], url());
      const [, child = "", grandchild = ""] = await run.until(/^(\d+)\n(\d+)\n/);
      const args = ["force-release", "forced", "--reason", "stuck", "--yes"];
      assert.equal((await holdfast(args, url())).code, 0);
      const { code, stderr } = await run.ended;
      assert.equal(code, 79);
      assert.match(stderr, /lost: revoked: the command is ended\n.*holdfast inspect/);
      for (const pid of [child, grandchild]) assert.equal(isRunning(Number(pid)), false, "has ended");
    });

    test("a command that ignores TERM is killed after the grace", async (t) => {
      const script = `process.on("SIGTERM", () => console.log("no")); ${SLEEPER}`;
      const run = start(t, ["run", "--grace", "700ms", "stubborn", "--", NODE, "-e", script], url());
      await run.until(/^\d+\n/);
      await holdfast(["force-release", "stubborn", "--reason", "stuck", "--yes"], url());
      await run.until(/no/);
      const askedAt = performance.now();
      assert.equal((await run.ended).code, 79);
      assert.ok(performance.now() - askedAt > 500);
      assert.equal(isRunning(Number.parseInt(run.stdout, 10)), false);
    });

    test("--on-lost warn only says so, and the status is the command's", async (t) => {
      const script = `process.on("SIGUSR1", () => process.exit(5)); ${SLEEPER}`;
      const run = start(t, ["run", "--on-lost", "warn", "warned", "--", NODE, "-e", script], url());
      await run.until(/^\d+\n/);
      await holdfast(["force-release", "warned", "--reason", "stuck", "--yes"], url());
      await run.until(/lost: revoked: the command goes on/, "stderr");
      await delay(200);
      run.kill("SIGUSR1");
      assert.equal((await run.ended).code, 5);
    });

    test("a store that answers nobody: the command is ended by the deadline, and holdfast ends too", async (t) => {
      const run = start(t, ["run", "--ttl", "2s", "frozen", "--", NODE, "-e", SLEEPER], url());
      const child = Number.parseInt((await run.until(/^\d+\n/))[0], 10);
      await store.freeze();
      const frozenAt = performance.now();
      try {
        await eventually("the command has ended", () => !isRunning(child));
        const took = performance.now() - frozenAt;
        assert.ok(took < 2_000 + SLACK_MS, `${took} ms`);
        const { code, stderr } = await run.ended;
        assert.equal(code, 79, stderr);
      } finally {
        await store.thaw();
      }
    });

    test("a store that answers nobody while waiting: TERM ends holdfast all the same, and it says 69 by itself", async (t) => {
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
