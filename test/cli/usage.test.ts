import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Command } from "#src/cli/command.js";
import { doctor } from "#src/cli/commands/doctor.js";
import { elect } from "#src/cli/commands/elect.js";
import { forceRelease } from "#src/cli/commands/force-release.js";
import { inspect } from "#src/cli/commands/inspect.js";
import { ls } from "#src/cli/commands/ls.js";
import { run } from "#src/cli/commands/run.js";
import { planOf } from "#src/cli/run-options.js";
import { holdfast, MAIN } from "./program.ts";

const COMMANDS: readonly Command[] = [run, elect, ls, inspect, forceRelease, doctor];

describe("what was not understood exits 64 with one line on it and one on what to write", () => {
  const cases: readonly (readonly [args: string[], what: RegExp, remedy: RegExp])[] = [
    [["inspcet"], /no command "inspcet"/, /Did you mean inspect\?/],
    [["constructor"], /no command "constructor"/, /Commands: run, elect, ls/],
    [["run", "--nonblok", "x", "--", "true"], /no option --nonblok/, /Did you mean --nonblock\?/],
    [["run", "-c", "x", "--", "true"], /no option -c/, /run --help/],
    [["run", "x", "ls", "-l"], /"--" is missing/, /Write: holdfast run x -- ls -l$/],
    [["run", "x", "--"], /no command after "--"/, /run x -- CMD/],
    [["run", "--", "true"], /operand is missing/, /LOCK -- CMD/],
    [["run", "x", "y", "--", "true"], /"y" is one operand too many/, /LOCK -- CMD/],
    [["run", "x", "-w", "--", "true"], /--wait <value>' argument missing/, /run --help/],
    [["run", "x", "-w", "soon", "--", "true"], /--wait "soon" is not a duration/, /500ms/],
    [["run", "x", "-n", "-w", "5", "--", "true"], /exclude each other/, /one/],
    [["run", "x", "-s", "-x", "--", "true"], /exclude each other/, /one/],
    [["run", "x", "--permits", "2", "--", "true"], /how many of how many/, /--permits 1\/4/],
    [["run", "x", "-E", "256", "--", "true"], /no exit status/, /0 to 255/],
    [["run", "x", "--ttl", "2d", "--", "true"], /out of bounds/, /50ms to 1d/],
    [["run", "x", "--on-lost", "kill", "--", "true"], /neither term nor warn/, /term or warn/],
    [["run", "x", "--", "true"], /which store\?/, /--url sqlite:/],
    [["elect", "x", "--"], /no command after "--"/, /elect x -- CMD/],
    [["elect", "x", "--ttl", "1ms", "--", "true"], /out of bounds/, /50ms to 1d/],
    [["elect", "x", "--http", "http", "--", "true"], /is no port/, /--http 4040/],
    [["elect", "x", "--http", "65536", "--", "true"], /is no port/, /--http 4040/],
    [["ls", "--url", "memory:"], /memory of one process/, /sqlite:/],
    [["ls", "--url", "sqlite::memory:"], /memory of one process/, /sqlite:/],
    [["ls", "--url", "oracle:x"], /no backend for "oracle:x"/, /sqlite:/],
    [["ls", "--url", "sqlite:x.db", "--namespace", "a b"], /namespace must be/, /not "a b"/],
    [["force-release", "x", "--yes", "--url", "sqlite:x.db"], /needs a reason/, /--reason/],
    [["force-release", "x", "--reason", "y", "--url", "sqlite:x.db"], /no terminal/, /--yes/],
  ];
  for (const [args, what, remedy] of cases) {
    test(`holdfast ${args.join(" ")}`, async () => {
      const { code, stdout, stderr } = await holdfast(args);
      assert.equal(code, 64, stderr);
      assert.equal(stdout, "");
      assert.match(stderr, /^holdfast: [^\n]+(?:\n {2}[^\n]+)?\n$/);
      assert.match(stderr, what);
      assert.match(stderr.trimEnd(), remedy);
    });
  }
});

test("names and permits that no lock can have are refused", async (t) => {
  const cwd = mkdtempSync(join(tmpdir(), "holdfast-cli-"));
  t.after(() => rmSync(cwd, { recursive: true, force: true }));
  const here = { cwd, url: "sqlite:./locks.db" };
  const long = await holdfast(["run", "x".repeat(1_025), "--", "true"], here);
  assert.equal(long.code, 64);
  assert.match(long.stderr, /1 to 1024 bytes/);
  const many = await holdfast(["run", "x", "--permits", "3/2", "--", "true"], here);
  assert.equal(many.code, 64);
  assert.match(many.stderr, /from 1 to 2, not 3/);
});

test("a store that cannot be opened exits 69", async () => {
  const { code, stderr } = await holdfast(["ls", "--url", "sqlite:/no/such/folder/x.db"]);
  assert.equal(code, 69);
  assert.match(stderr, /^holdfast: the store cannot be opened: .*\n {2}\S/);
});

test("the program teaches: --help, COMMAND --help, help COMMAND, no command, --version", async () => {
  const [help, none, version] = await Promise.all([
    holdfast(["--help"]),
    holdfast([]),
    holdfast(["--version"]),
  ]);
  assert.equal(help.code, 0);
  for (const { name, summary } of COMMANDS) {
    assert.match(help.stdout, new RegExp(`^  ${name} +${summary.slice(0, 20)}`, "m"));
  }
  assert.equal(none.code, 64);
  assert.match(none.stderr, /Commands:/);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  const [one, other] = await Promise.all([
    holdfast(["run", "x", "--help"]),
    holdfast(["help", "run"]),
  ]);
  assert.equal(one.code, 0);
  assert.equal(one.stdout, other.stdout);
  assert.ok(
    one.stdout.split("\n").every((line) => line.length <= 80),
    "fits a terminal",
  );
});

test("the built program can be executed by name", () => {
  assert.match(readFileSync(MAIN, "utf8"), /^#!\/usr\/bin\/env node\n/);
});

test("the defaults are those that --help names", () => {
  assert.deepEqual(planOf({}), {
    waitMs: undefined,
    conflictExit: 75,
    kind: "exclusive",
    ttlMs: 10_000,
    endsWhenLost: true,
    graceMs: 5_000,
    verbose: false,
  });
  assert.equal(planOf({ nonblock: true, wait: "0" }).waitMs, 0);
});

test("docs/reference/cli.md tells of every command, option and exit status, and of no other option", () => {
  const page = readFileSync(new URL("../../../docs/reference/cli.md", import.meta.url), "utf8");
  const sections = page.split(/^## /m);
  for (const { name, options, exits } of COMMANDS) {
    const section = sections.find((each) => each.startsWith(`\`holdfast ${name}\``)) ?? "";
    for (const option of Object.keys(options)) {
      if (option === "url" || option === "namespace") continue; // told once, for all
      assert.ok(section.includes(`--${option}`), `${name} --${option}`);
    }
    for (const [status] of exits) {
      for (const code of status.match(/\d+/g) ?? [])
        assert.match(section, new RegExp(`\\b${code}\\b`), `${name}: ${code}`);
    }
    for (const [, option = ""] of section.matchAll(/`(?:-\w, )?--([a-z-]+)/g)) {
      assert.ok(Object.hasOwn(options, option), `holdfast ${name} has no --${option}`);
    }
  }
  assert.match(page, /--url/);
  assert.match(page, /--namespace/);
});
