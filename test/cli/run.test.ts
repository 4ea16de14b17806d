import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { FaultyStore } from "../faults/stores.ts";
import { hasEnded, holdfast, SLEEPER, start } from "./program.ts";
import { STORES } from "./stores.ts";

const NODE = process.execPath;

for (const { name, options, start: open } of STORES) {
  describe(`holdfast run on ${name}`, options, () => {
    let store: FaultyStore;
    let folder: string;
    const url = (): { url: string } => ({ url: store.url });
    before(async () => {
      store = await open();
      folder = mkdtempSync(join(tmpdir(), "holdfast-cli-"));
    });
    after(async () => {
      await store.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    test("the exit status is the command's, or 128 + the signal that ended it", async () => {
      const statuses = await Promise.all([
        holdfast(["run", "status-a", "--", "sh", "-c", "exit 0"], url()),
        holdfast(["run", "status-b", "--", "sh", "-c", "exit 42"], url()),
        holdfast(["run", "status-c", "--", "sh", "-c", "kill -KILL $$"], url()),
      ]);
      assert.deepEqual(
        statuses.map(({ code }) => code),
        [0, 42, 137],
      );
      for (const { stdout, stderr } of statuses)
        assert.equal(stdout + stderr, "", "it says nothing of its own");
    });

    test("a command that cannot be started exits 127 or 126, and does not keep the lock", async () => {
      const missing = await holdfast(
        ["run", "--ttl", "1m", "start", "--", "no-such-command-here"],
        url(),
      );
      assert.equal(missing.code, 127);
      assert.match(missing.stderr, /^holdfast: no-such-command-here: no such command\n {2}\S/);
      const file = join(folder, "plain.txt");
      writeFileSync(file, "no program");
      const plain = await holdfast(["run", "-n", "--ttl", "1m", "start", "--", file], url());
      assert.equal(plain.code, 126);
      assert.equal((await holdfast(["run", "-n", "start", "--", "true"], url())).code, 0);
    });

    test("no shell, standard streams inherited, arguments and environment passed on", async () => {
      const script =
        "process.stdin.pipe(process.stdout); console.error(JSON.stringify(process.argv.slice(1)))";
      const args = ["run", "streams", "--", NODE, "-e", script, "--", "$HOME", "a b", "--ttl", "*"];
      const { code, stdout, stderr } = await holdfast(args, { ...url(), input: "through\n" });
      assert.equal(code, 0);
      assert.equal(stdout, "through\n");
      assert.deepEqual(JSON.parse(stderr), ["$HOME", "a b", "--ttl", "*"]);
    });

    test("the command finds the lock in its environment, with a token that grows", async () => {
      const show = ["--", NODE, "-p", "JSON.stringify(process.env)"];
      const tokens: bigint[] = [];
      for (const given of ["1", "2"]) {
        const since = Date.now();
        const env = { GIVEN: given };
        const { stdout, stderr } = await holdfast(["run", "--ttl", "30s", "名:1", ...show], {
          ...url(),
          env,
        });
        assert.equal(stderr, "");
        const seen = JSON.parse(stdout) as Record<string, string>;
        assert.equal(seen["GIVEN"], given);
        assert.equal(seen["LOCK_HELD"], "true");
        assert.equal(seen["LOCK_NAME"], "名:1");
        const expires = Date.parse(seen["LOCK_EXPIRES_AT"] ?? "");
        assert.ok(
          expires > since + 29_000 && expires <= Date.now() + 30_000,
          seen["LOCK_EXPIRES_AT"],
        );
        tokens.push(BigInt(seen["LOCK_TOKEN"] ?? ""));
      }
      assert.ok((tokens[0] ?? 0n) < (tokens[1] ?? 0n), tokens.join(" "));
    });

    test("signals are passed on to the command", async (t) => {
      const script = `
        for (const signal of ["SIGHUP", "SIGINT", "SIGUSR1", "SIGUSR2", "SIGWINCH"]) {
          process.on(signal, () => console.log("got", signal));
        }
        process.on("SIGTERM", () => process.exit(33));
        ${SLEEPER}`;
      const run = start(t, ["run", "signals", "--", NODE, "-e", script], url());
      await run.until(/^\d+\n/);
      for (const signal of ["SIGHUP", "SIGINT", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const) {
        run.kill(signal);
        await run.until(new RegExp(`got ${signal}\n`));
      }
      run.kill("SIGTERM");
      const { code, stdout } = await run.ended;
      assert.equal(code, 33);
      assert.equal(stdout.match(/got/g)?.length, 5, "each once");
      assert.equal(
        (await holdfast(["run", "-n", "signals", "--", "true"], url())).code,
        0,
        "and it is free",
      );
    });

    test("a signal that ends the command reaches what it has started, and is told as 128 + n", async (t) => {
      const script = "sleep 60 & echo $!; echo $$; wait";
      const run = start(t, ["run", "group", "--", "sh", "-c", script], url());
      const grandchild = Number((await run.until(/^(\d+)\n\d+\n/))[1]);
      run.kill("SIGTERM");
      assert.equal((await run.ended).code, 143);
      await hasEnded(grandchild);
    });

    test("-n, -w and -E: what is not free is not waited for, or not for long", async (t) => {
      const holder = start(t, ["run", "busy", "--", NODE, "-e", SLEEPER], url());
      await holder.until(/^\d+\n/);
      const never = ["--", "sh", "-c", "echo ran"];
      const [n, zero, e, w] = await Promise.all([
        holdfast(["run", "-n", "busy", ...never], url()),
        holdfast(["run", "-w", "0", "busy", ...never], url()),
        holdfast(["run", "-nE", "1", "busy", ...never], url()),
        holdfast(["run", "-w", "700ms", "--verbose", "busy", ...never], url()),
      ]);
      assert.deepEqual([n.code, zero.code, e.code, w.code], [75, 75, 1, 75]);
      for (const { stdout } of [n, zero, e, w]) assert.equal(stdout, "");
      assert.equal(n.stderr, "", "silent, as flock is");
      assert.match(
        w.stderr,
        /waiting for "busy"\n.*not free within 700 ms\n.*holdfast inspect busy/s,
      );

      const show = ["--", "sh", "-c", "echo $LOCK_EXPIRES_AT"];
      const next = start(t, ["run", "-w", "30", "--verbose", "busy", ...show], url());
      await next.until(/waiting for "busy"/, "stderr");
      holder.kill("SIGTERM");
      const { code, stderr, stdout } = await next.ended;
      assert.equal(code, 0);
      assert.match(stderr, /got "busy" after .*, token \d+/);
      assert.ok(
        Date.parse(stdout.trim()) <= Date.now() + 2_000,
        "handed over: not later than its claim deadline",
      );
    });

    test("-s shares with -s, and excludes -x both ways", async (t) => {
      const holder = start(t, ["run", "-s", "catalog", "--", NODE, "-e", SLEEPER], url());
      await holder.until(/^\d+\n/);
      const tries = [["-s"], ["-x"], []].map((mode) => [
        "run",
        "-n",
        ...mode,
        "catalog",
        "--",
        "true",
      ]);
      const ended = await Promise.all(tries.map((args) => holdfast(args, url())));
      assert.deepEqual(
        ended.map(({ code }) => code),
        [0, 75, 75],
      );
      holder.kill("SIGTERM");
      await holder.ended;
      const writer = start(t, ["run", "catalog", "--", NODE, "-e", SLEEPER], url());
      await writer.until(/^\d+\n/);
      assert.equal((await holdfast(["run", "-ns", "catalog", "--", "true"], url())).code, 75);
    });

    test("--permits K/N lets in as many as fit, and wants one N from all", async (t) => {
      const sleepers = ["1/3", "2/3"].map((permits) =>
        start(t, ["run", "--permits", permits, "encoders", "--", NODE, "-e", SLEEPER], url()),
      );
      await Promise.all(sleepers.map((each) => each.until(/^\d+\n/)));
      const full = await holdfast(
        ["run", "-n", "--permits", "1/3", "encoders", "--", "true"],
        url(),
      );
      assert.equal(full.code, 75);
      const other = await holdfast(
        ["run", "-n", "--permits", "1/4", "encoders", "--", "true"],
        url(),
      );
      assert.equal(other.code, 64);
      assert.match(other.stderr, /in use with capacity 3, not 4/);
      sleepers[0]?.kill("SIGTERM");
      await sleepers[0]?.ended;
      assert.equal(
        (await holdfast(["run", "-n", "--permits", "1/3", "encoders", "--", "true"], url())).code,
        0,
      );
    });

    test("TERM while waiting leaves the queue and exits 143, without running the command", async (t) => {
      const holder = start(t, ["run", "queue", "--", NODE, "-e", SLEEPER], url());
      await holder.until(/^\d+\n/);
      const waiter = start(t, ["run", "--verbose", "queue", "--", "sh", "-c", "echo ran"], url());
      await waiter.until(/waiting/, "stderr");
      waiter.kill("SIGTERM");
      const { code, stdout } = await waiter.ended;
      assert.deepEqual([code, stdout], [143, ""]);
      const queue = await holdfast(["inspect", "queue", "--json"], url());
      assert.deepEqual((JSON.parse(queue.stdout) as { waiters: unknown[] }).waiters, []);
    });
  });
}
