import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { findProgram } from "../servers/install.ts";
import { eventually, hasEnded, holdfast, isRunning, MAIN, SLEEPER, start } from "./program.ts";

const NODE = process.execPath;
/** Of util-linux: runs a command on a terminal of its own. BSD's takes other options. */
const script = process.platform === "linux" ? findProgram("script") : undefined;
const skip =
  script === undefined ? "there is no script(1) of util-linux to make a terminal with" : false;

/** `holdfast` with a controlling terminal: what is typed goes in, what is shown comes out. */
class Terminal {
  shown = "";
  readonly ended: Promise<number | null>;
  readonly #process;

  constructor(t: TestContext, args: readonly string[], env: Readonly<Record<string, string>>) {
    const quoted = [NODE, MAIN, ...args]
      .map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`)
      .join(" ");
    // `exec`, since script(1) starts a shell: dash would stay in between and end by Ctrl-C, too.
    this.#process = spawn(script ?? "", ["-qec", `exec ${quoted}`, "/dev/null"], {
      env: { ...process.env, TERM: "xterm", ...env },
      stdio: "pipe",
      detached: true,
    });
    this.#process.stdout.on("data", (chunk: Buffer) => (this.shown += chunk.toString()));
    this.ended = once(this.#process, "close").then(([code]) => code as number | null);
    t.after(() => this.#process.kill("SIGKILL"));
  }

  type(text: string): void {
    this.#process.stdin.write(text);
  }

  until(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(
      () => `${String(pattern)} in ${JSON.stringify(this.shown)}`,
      () => pattern.exec(this.shown),
    );
  }
}

describe("holdfast on a terminal", { skip }, () => {
  let folder: string;
  let env: Record<string, string>;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "holdfast-cli-"));
    env = { HOLDFAST_URL: `sqlite:${join(folder, "locks.db")}` };
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("Ctrl-C reaches the command once, and its answer to that is the status", async (t) => {
    const counter = `let count = 0;
      const tell = () => { console.log("got " + count); process.exit(9); };
      process.on("SIGINT", () => count++ || setTimeout(tell, 700));
      ${SLEEPER}`;
    const terminal = new Terminal(t, ["run", "keys", "--", NODE, "-e", counter], env);
    await terminal.until(/\d+\r\n/);
    terminal.type("\u0003");
    assert.equal(await terminal.ended, 9, terminal.shown);
    assert.match(terminal.shown, /got 1\r\n/);
    assert.equal(
      (await holdfast(["run", "-n", "keys", "--", "true"], { env })).code,
      0,
      "given back",
    );
  });

  test("Ctrl-C while waiting leaves the queue", async (t) => {
    const holder = start(t, ["run", "line", "--", NODE, "-e", SLEEPER], { env });
    await holder.until(/^\d+\n/);
    const terminal = new Terminal(t, ["run", "--verbose", "line", "--", "echo", "ran"], env);
    await terminal.until(/waiting/);
    terminal.type("\u0003");
    assert.equal(await terminal.ended, 130);
    assert.doesNotMatch(terminal.shown, /ran/);
  });

  test("the command can ask the terminal itself", async (t) => {
    const ask =
      "test -t 0 && printf 'password: ' > /dev/tty && read answer < /dev/tty && echo got $answer";
    const terminal = new Terminal(t, ["run", "prompt", "--", "sh", "-c", ask], env);
    await terminal.until(/password: /);
    terminal.type("sesame\r");
    assert.equal(await terminal.ended, 0);
    assert.match(terminal.shown, /got sesame/);
  });

  test("a lost lease ends the command and all that descends from it, other process groups too", async (t) => {
    // Job control gives the second sleep a group of its own; the first is left by a parent that has ended.
    const tree = "(sleep 60 & echo $!) ; set -m; sleep 60 & echo $!; echo $$; wait";
    const terminal = new Terminal(t, ["run", "tree", "--", "sh", "-c", tree], env);
    const pids = (await terminal.until(/(\d+)\r\n(\d+)\r\n(\d+)\r\n/)).slice(1).map(Number);
    await holdfast(["force-release", "tree", "--reason", "stuck", "--yes"], { env });
    assert.equal(await terminal.ended, 79);
    await hasEnded(...pids.slice(1));
    // Nothing leads to it any more; see the page of the command.
    if (isRunning(pids[0] ?? 0)) process.kill(pids[0] ?? 0, "SIGKILL");
  });

  test("force-release shows the holders and wants the lock's name", async (t) => {
    const holder = start(t, ["run", "nightly", "--", NODE, "-e", SLEEPER], { env });
    await holder.until(/^\d+\n/);
    const args = ["force-release", "nightly", "--reason", "stuck"];
    for (const [typed, code] of [
      ["nightlt\r", 1],
      ["\u0004", 1],
      ["nightly\r", 0],
    ] as const) {
      const terminal = new Terminal(t, args, env);
      await terminal.until(/HOLDER[^]*type its name: /);
      terminal.type(typed);
      assert.equal(await terminal.ended, code, terminal.shown);
      if (code === 0) assert.match(terminal.shown, /Revoked:/);
      else assert.match(terminal.shown, /not confirmed, nothing was done/);
    }
    assert.equal((await holder.ended).code, 79);
  });

  test("what is not acquired is explained to a person; colours go to terminals that want them", async (t) => {
    const holder = start(t, ["run", "busy", "--", NODE, "-e", SLEEPER], { env });
    await holder.until(/^\d+\n/);
    const refused = new Terminal(t, ["run", "-n", "busy", "--", "true"], env);
    assert.equal(await refused.ended, 75);
    assert.match(
      refused.shown,
      /"busy" is not free\r\n {2}See who has it with: holdfast inspect busy/,
    );
    const coloured = new Terminal(t, ["ls"], env);
    const plain = new Terminal(t, ["ls"], { ...env, NO_COLOR: "1" });
    await Promise.all([coloured.ended, plain.ended]);
    assert.ok(coloured.shown.includes("\u001b[1mLOCK"), coloured.shown);
    assert.ok(!plain.shown.includes("\u001b"), plain.shown);
  });
});
