import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { FaultyStore } from "../faults/stores.ts";
import { hasEnded, holdfast, SLEEPER, start } from "./program.ts";
import { STORES } from "./stores.ts";

const NODE = process.execPath;
const WRITER = fileURLToPath(new URL("./fenced-writer.js", import.meta.url));
/** Two cores, shared with others, start processes late. */
const SLACK_MS = 2_500;

for (const { name, options, start: open } of STORES) {
  describe(`holdfast run and the loss of the lease on ${name}`, options, () => {
    let store: FaultyStore;
    let folder: string;
    const url = (): { url: string } => ({ url: store.url });
    const inFolder = (name: string): string => join(folder, name);
    before(async () => {
      store = await open();
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

    test("SIGSTOP past the TTL: the next one enters, and the resumed one cannot write", async (t) => {
      const files = { now: inFolder("now"), late: inFolder("late"), leave: inFolder("leave") };
      writeFileSync(files.now, "");
      const write = (go: string): string[] => [
        "paused",
        "--",
        NODE,
        WRITER,
        store.url,
        "record",
        go,
        files.leave,
      ];
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
      assert.match(
        stderr,
        /lease on "paused" \(token \d+\) was lost: expired: the command is ended\n {2}\S/,
      );
      assert.ok(performance.now() - resumedAt < SLACK_MS);
      await hasEnded(Number.parseInt(stdout, 10));
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
      await hasEnded(Number(child), Number(grandchild));
    });

    test("a command that ignores TERM is killed after the grace", async (t) => {
      const script = `process.on("SIGTERM", () => console.log("no")); ${SLEEPER}`;
      const run = start(
        t,
        ["run", "--grace", "700ms", "stubborn", "--", NODE, "-e", script],
        url(),
      );
      await run.until(/^\d+\n/);
      const askedAt = performance.now();
      await holdfast(["force-release", "stubborn", "--reason", "stuck", "--yes"], url());
      const { code, stdout } = await run.ended;
      assert.equal(code, 79);
      assert.match(stdout, /no/, "it was asked first");
      assert.ok(performance.now() - askedAt > 700);
      await hasEnded(Number.parseInt(run.stdout, 10));
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
  });
}
