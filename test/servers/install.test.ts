import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";

const folder = mkdtempSync(join(tmpdir(), "holdfast-install-"));
after(() => rmSync(folder, { recursive: true }));

const MODULE = new URL("./install.js", import.meta.url).href;

/** Evaluates code on the module in a process that finds programs only in a folder of ours. */
function evaluate(code: string, env: Readonly<Record<string, string>> = {}): string {
  const script = `const install = await import(${JSON.stringify(MODULE)}); ${code}`;
  const args = ["--input-type=module", "--eval", script];
  const { stdout } = spawnSync(process.execPath, args, { env: { PATH: folder, ...env }, encoding: "utf8" });
  return stdout;
}

function program(name: string, text: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

// Only Redis is to be missing: those of the other servers that stand in /usr/bin are hidden like it.
for (const name of ["etcd", "etcdctl", "java", "javac"]) program(name, "");

const isHidden = !["/usr/local/sbin", "/usr/sbin", "/sbin"].some((path) =>
  existsSync(join(path, "redis-server")),
);
const isRoot = process.getuid?.() === 0;

describe(
  "a server that is missing",
  { skip: isHidden ? false : "redis-server stands outside of PATH here" },
  () => {
    test("is named with the way to install it; with CI=true no test may be left out", () => {
      const told = evaluate(
        "console.log(install.ensureServers(console.log)); console.log(install.leftOut('redis'));",
      );
      assert.match(
        told,
        /missing: redis\. On Debian or Ubuntu: sudo apt-get install redis-server redis-tools/,
      );
      assert.match(told, /left out: every test that needs redis/);
      assert.match(told, /\[ 'redis' \]/);
      assert.match(told, /redis is not installed/);
      const inCi = evaluate(
        "console.log(install.ensureServers(console.log)); console.log(install.leftOut('redis'));",
        { CI: "true" },
      );
      assert.doesNotMatch(inCi, /left out/);
      assert.match(inCi, /\[ 'redis' \]\nfalse/);
    });

    test(
      "is installed where that is possible, after an update of old package lists",
      { skip: !isRoot && "needs root" },
      () => {
        const log = join(folder, "log");
        // The first install finds no package; the second one, after the update, does.
        program(
          "apt-get",
          `echo "$@" >> "${log}"
       case "$*" in *update*) : > "${folder}/updated" ;; esac
       [ -e "${folder}/updated" ] || exit 100
       for name in redis-server redis-cli; do
         echo > "${folder}/$name"
         /bin/chmod 755 "${folder}/$name"
       done`,
        );
        assert.match(evaluate("console.log(install.ensureServers(console.log));"), /\[\]/);
        const calls = readFileSync(log, "utf8").trim().split("\n");
        assert.match(calls[0] ?? "", /--no-install-recommends .*install redis-server redis-tools$/);
        assert.match(calls[1] ?? "", /update$/);
        assert.match(calls[2] ?? "", /install redis-server redis-tools$/);
        assert.equal(
          evaluate("console.log(install.findProgram('redis-cli'));").trim(),
          join(folder, "redis-cli"),
        );
        assert.equal(evaluate("console.log(install.leftOut('redis'));").trim(), "false");
      },
    );
  },
);
