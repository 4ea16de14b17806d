import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { House, type Violation } from "./laws/house.ts";
import { LAWS } from "./laws/laws.ts";

/** Names of the law functions that a sample here has broken. */
const broken = new Set<string>();

function judge(house: House): readonly Violation[] {
  return LAWS.flatMap((law) => {
    const violations = [...law(house)];
    if (violations.length > 0) broken.add(law.name);
    return violations;
  });
}

/** Breaks of the laws found in a small house, as `file:line law`. */
function breaks(files: Readonly<Record<string, string>>, ...built: readonly string[]): readonly string[] {
  const house = new House(new Map(Object.entries(files)), (path) => built.includes(path));
  return judge(house)
    .filter(({ law }) => !law.endsWith("-page"))
    .map(({ file, line, law }) => `${file}:${line} ${law}`);
}

/** Breaks of one law only: samples are too small to keep all the others. */
const breaksOf = (law: string, files: Readonly<Record<string, string>>, ...built: readonly string[]) =>
  breaks(files, ...built).filter((line) => line.endsWith(` ${law}`));

const manifest = (content: object): string => JSON.stringify(content, undefined, 1);

describe("the laws of the house", () => {
  test("layers: arrows go one way", () => {
    const importing = (file: string, specifier: string, form = "import { a } from"): readonly string[] =>
      breaksOf("layers", { [file]: `\n${form} "${specifier}";\n` });
    for (const [file, specifier] of [
      ["src/backend.ts", "node:os"],
      ["src/errors.ts", "./clock.ts"],
      ["src/locks/a.ts", "../reopening.ts"],
      ["src/locks/a.ts", "../records/b.ts"],
      ["src/locks/a.ts", "../coordinator.ts"],
      ["src/locks/a.ts", "../backends/memory.ts"],
      ["src/locks/a.ts", "some-package"],
      ["src/locks/a.ts", "./b.js"],
      ["src/records/a.ts", "../recipes/b.ts"],
      ["src/backends/redis/a.ts", "../sqlite/b.ts"],
      ["src/backends/redis/a.ts", "../memory.ts"],
      ["src/backends/redis/a.ts", "../../events.ts"],
      ["src/backends/redis/a.ts", "ioredis"],
      ["src/connect.ts", "./backends/memory.ts"],
      ["src/coordinator.ts", "./cli/main.ts"],
      ["src/index.ts", "./backends/memory.ts"],
      ["src/sql/a.ts", "../records/b.ts"],
      ["src/sql/a.ts", "pg"],
      ["src/testkit/a.ts", "../cli/b.ts"],
      ["src/testkit/a.ts", "node:test"],
      ["src/cli/a.ts", "../backends/redis/index.ts"],
      ["src/cli/a.ts", "../../test/b.ts"],
    ] as const) {
      assert.deepEqual(importing(file, specifier), [`${file}:2 layers`], `${file} imports ${specifier}`);
      assert.deepEqual(importing(file, specifier, "import type { a } from"), [`${file}:2 layers`]);
    }
    for (const [file, specifier] of [
      ["src/locks/a.ts", "./b.ts"],
      ["src/locks/a.ts", "../events.ts"],
      ["src/records/a.ts", "../locks/b.ts"],
      ["src/backends/redis/a.ts", "./b.ts"],
      ["src/backends/redis/a.ts", "../../clock.ts"],
      ["src/backends/redis/a.ts", "../../reopening.ts"],
      ["src/backends/redis/a.ts", "node:net"],
      ["src/coordinator.ts", "./locks/a.ts"],
      ["src/sql/a.ts", "../errors.ts"],
      ["src/testkit/a.ts", "../backends/memory.ts"],
      ["src/cli/a.ts", "../index.ts"],
    ] as const) {
      assert.deepEqual(importing(file, specifier), [], `${file} may import ${specifier}`);
    }
    const lazily = (file: string, specifier: string): readonly string[] =>
      breaksOf("layers", { [file]: `const load = () => import("${specifier}");\n` });
    assert.deepEqual(lazily("src/connect.ts", "./backends/redis/index.ts"), []);
    assert.deepEqual(lazily("src/backends/redis/a.ts", "ioredis"), []);
    assert.deepEqual(lazily("src/locks/a.ts", "../backends/memory.ts"), ["src/locks/a.ts:1 layers"]);
  });

  test("layers: an import over several lines is seen, one in a text or a comment is not", () => {
    assert.deepEqual(
      breaksOf("layers", {
        "src/locks/a.ts": 'import {\n  a,\n  type B,\n} from "../cli/b.ts";\n',
        "src/locks/b.ts": 'import "../cli/b.ts";\n',
        "src/locks/c.ts": 'export * from "../cli/b.ts";\n',
        "src/locks/d.ts": '// import { a } from "../cli/b.ts";\n/*\nimport "../cli/b.ts";\n*/\n',
        "src/locks/e.ts": 'const text = `\nimport { a } from "../cli/b.ts";\n`;\n',
        "src/locks/f.ts": 'const one = /[/*"]/; const two = `${one}"`;\nimport { a } from "../cli/b.ts";\n',
      }),
      [
        "src/locks/a.ts:1 layers",
        "src/locks/b.ts:1 layers",
        "src/locks/c.ts:1 layers",
        "src/locks/f.ts:2 layers",
      ],
    );
  });

  test("neighbours: outside the library only public names count, and only tests look inside", () => {
    const exports = { ".": "./dist/index.js", "./redis": "./dist/backends/redis/index.js" };
    assert.deepEqual(
      breaksOf("neighbours", {
        "package.json": manifest({ exports }),
        "test/a.ts":
          'import "holdfast";\nimport "holdfast/redis";\nimport "#src/locks/a.js";\nimport "./b.ts";\n',
        "test/b.ts": 'import "holdfast/locks";\nimport "../src/index.ts";\n',
        "bench/a.ts": 'import "#src/locks/a.js";\n',
        "apps/crm/a.ts": 'import "hono";\nimport "./domain/b.ts";\nimport "../other/b.ts";\n',
      }),
      [
        "apps/crm/a.ts:3 neighbours",
        "bench/a.ts:1 neighbours",
        "test/b.ts:1 neighbours",
        "test/b.ts:2 neighbours",
      ],
    );
  });

  test("cycles: files that load each other", () => {
    assert.deepEqual(
      breaksOf("cycles", {
        "src/locks/a.ts": 'import { b } from "./b.ts";\n',
        "src/locks/b.ts": '\nimport { c } from "./c.ts";\n',
        "src/locks/c.ts": 'import { a } from "./a.ts";\nimport { a2 } from "./a.ts";\n',
        "src/records/a.ts": 'import { b } from "./b.ts";\n',
        "src/records/b.ts": 'import type { a } from "./a.ts";\nnew URL("./a.js", import.meta.url);\n',
      }),
      ["src/locks/c.ts:1 cycles", "src/locks/c.ts:2 cycles"],
    );
  });

  test("reachable: a file that nothing leads to", () => {
    assert.deepEqual(
      breaksOf("reachable", {
        "package.json": manifest({ exports: { ".": "./dist/index.js" }, bin: { x: "dist/cli/main.js" } }),
        "src/index.ts": 'export { a } from "./locks/a.ts";\n',
        "src/locks/a.ts": 'import type { b } from "./b.ts";\n',
        "src/locks/b.ts": "",
        "src/locks/dead.ts": 'import { b } from "./b.ts";\n',
        "src/cli/main.ts": 'spawn(new URL("./child.js", import.meta.url));\nawait import("./run.ts");\n',
        "src/cli/child.ts": "",
        "src/cli/run.ts": "",
      }),
      ["src/locks/dead.ts:1 reachable"],
    );
  });

  test("barrels: only the entry points re-export", () => {
    assert.deepEqual(
      breaksOf("barrels", {
        "src/index.ts": 'export * from "./locks/a.ts";\n',
        "src/testkit/index.ts": 'export { a } from "./a.ts";\n',
        "src/locks/index.ts": 'export * from "./a.ts";\nexport type { b } from "./b.ts";\n',
        "src/locks/a.ts":
          'import { type x as y, z } from "./b.ts";\nconst own = 1;\nexport { own };\nexport { y };\n',
      }),
      ["src/locks/a.ts:4 barrels", "src/locks/index.ts:1 barrels", "src/locks/index.ts:2 barrels"],
    );
  });

  test("clock: time and chance only from the clock", () => {
    for (const code of [
      "Date.now()",
      "new Date()",
      "performance.now()",
      "process.hrtime.bigint()",
      "AbortSignal.timeout(5)",
      "setTimeout(f, 5)",
      "globalThis.setInterval(f, 5)",
      "setImmediate(f)",
      "Math.random()",
      "crypto.getRandomValues(a)",
      "randomUUID()",
      'import { performance } from "node:perf_hooks";',
      'import { setTimeout as sleep } from "node:timers/promises";',
    ]) {
      const found = breaksOf("clock", { "src/locks/a.ts": `\n${code}\n` });
      assert.equal(found[0], "src/locks/a.ts:2 clock", code);
      for (const file of ["src/clock.ts", "src/cli/a.ts", "src/testkit/a.ts", "test/a.ts"]) {
        assert.deepEqual(breaksOf("clock", { [file]: code }), [], `${code} in ${file}`);
      }
    }
    for (const code of [
      "new Date(ms)",
      "socket.setTimeout(5)",
      'createHash("sha1")',
      "// Date.now()",
      '"setTimeout("',
    ]) {
      assert.deepEqual(breaksOf("clock", { "src/locks/a.ts": code }), [], code);
    }
  });

  test("console: the library does not print", () => {
    const code = 'console.log("x"); // console.log\n';
    assert.deepEqual(
      breaksOf("console", { "src/locks/a.ts": code, "src/cli/a.ts": code, "bench/a.ts": code }),
      ["src/locks/a.ts:1 console"],
    );
  });

  test("default-export: everything has a name", () => {
    assert.deepEqual(
      breaksOf("default-export", {
        "src/a.ts": "\nexport default function a() {}\n",
        "apps/crm/b.ts": "const b = 1;\nexport { b as default };\n",
        "apps/crm/vite.config.ts": "export default {};\n",
      }),
      ["apps/crm/b.ts:2 default-export", "src/a.ts:2 default-export"],
    );
  });

  test("backend-names: core knows no backend, not even as a string", () => {
    assert.deepEqual(
      breaksOf("backend-names", {
        "src/backends/redis/index.ts": 'const name = "redis";\n',
        "src/connect.ts": 'const name = "redis";\n',
        "src/locks/a.ts": '// not "redis"\nif (backend.name === "redis") f("predis");\n',
      }),
      ["src/locks/a.ts:2 backend-names"],
    );
  });

  test("file-names: no drawer for everything", () => {
    const names = ["src/utils.ts", "src/misc/a.ts", "test/redis-helpers.ts", "apps/crm/common/a.ts"];
    const good = ["src/community.ts", "src/miscount.ts", "test/utility.ts"];
    assert.deepEqual(
      breaksOf("file-names", Object.fromEntries([...names, ...good].map((name) => [name, ""]))),
      names.sort().map((name) => `${name}:1 file-names`),
    );
  });

  test("file-length, line-length: neither goes on for ever", () => {
    const long = "const a = 1;\n".repeat(351);
    assert.deepEqual(
      breaksOf("file-length", { "src/a.ts": long, "src/b.ts": long.slice(13), "test/c.ts": long }),
      ["src/a.ts:1 file-length"],
    );
    assert.deepEqual(
      breaksOf("line-length", { "test/a.ts": `\n// ${"x".repeat(107)}\n// ${"x".repeat(108)}\n` }),
      ["test/a.ts:3 line-length"],
    );
  });

  test("promises: work that is put off has an issue", () => {
    assert.deepEqual(
      breaksOf("promises", {
        "src/a.ts":
          '// TODO later\n// TODO (#12) later\n/* FIXME */\nconst list = "TODO";\n// TODO #3: later\n',
      }),
      ["src/a.ts:1 promises", "src/a.ts:3 promises"],
    );
  });

  test("machine-paths: nothing of one machine", () => {
    const machine = ["", "home", "ann", "holdfast"].join("/");
    assert.deepEqual(
      breaksOf("machine-paths", {
        "docs/a.md": `See\n\`${machine}\`.\nAnd https://example.org${machine}\n`,
        ".ci/run": `cd ${machine}\n`,
      }),
      [".ci/run:1 machine-paths", "docs/a.md:2 machine-paths"],
    );
  });

  test("manifest: what package.json promises is there", () => {
    const files = {
      "package.json": manifest({
        exports: { ".": "./dist/index.js", "./gone": "./dist/gone.js" },
        bin: { x: "dist/cli/main.js" },
        files: ["dist", "NEWS.md"],
      }),
      "src/index.ts": "",
      "src/cli/main.ts": "run();\n",
      "src/backends/redis/index.ts": "",
    };
    const built = ["dist", "dist/index.js", "dist/index.d.ts", "dist/cli/main.js", "dist/cli/main.d.ts"];
    assert.deepEqual(breaksOf("manifest", files, ...built), [
      "package.json:1 manifest",
      "package.json:4 manifest",
      "package.json:4 manifest",
      "package.json:11 manifest",
      "package.json:2 manifest",
      "src/cli/main.ts:1 manifest",
    ]);
  });

  test("install-scripts, registry-hosts: a lock file that installs anywhere", () => {
    const lock = manifest({
      packages: {
        "node_modules/a": { hasInstallScript: true },
        "node_modules/b": { hasInstallScript: true, dev: true },
        "node_modules/c": { resolved: ["https:", "", "registry.example.org", "c.tgz"].join("/") },
        "apps/crm": { resolved: "apps/crm", link: true },
      },
    });
    assert.deepEqual(breaks({ "package-lock.json": lock }), [
      "package-lock.json:3 install-scripts",
      "package-lock.json:11 registry-hosts",
    ]);
  });
});

describe("the laws of the pages", () => {
  test("links: relative ones lead somewhere", () => {
    assert.deepEqual(
      breaksOf("links", {
        "README.md":
          "# A\n[ok](docs/a.md) [ok](docs/a.md#the-way-of-b) [ok](#a) [ok](https://example.org/x)\n",
        "docs/a.md":
          "# The way, of `B`!\n[gone](b.md)\n[gone](../README.md#b)\n`[c](c.md)`\n```\n[d](d.md)\n```\n",
      }),
      ["docs/a.md:2 links", "docs/a.md:3 links"],
    );
  });

  test("examples: what a page shows is what runs", () => {
    const example = "// #region use\n  a();\n    b();\n// #endregion\n";
    const page = (marker: string, shown: string): string =>
      `<!-- example: ${marker} -->\n\`\`\`ts\n${shown}\`\`\`\n`;
    const found = (marker: string, shown: string): number =>
      breaksOf("examples", { "README.md": page(marker, shown), "examples/a.ts": example }).length;
    assert.equal(found("examples/a.ts", example), 0);
    assert.equal(found("examples/a.ts#use", "a();\n  b();\n"), 0);
    assert.equal(found("examples/a.ts#use", "a();\n  c();\n"), 1);
    assert.equal(found("examples/a.ts#other", "a();\n"), 1);
    assert.equal(found("examples/b.ts", example), 1);
    assert.equal(breaksOf("examples", { "README.md": "<!-- example: a.ts -->\n", "a.ts": "" }).length, 1);
  });

  test("errors-page, events-page: everything there is and nothing else, with all it carries", () => {
    const page = (law: string, source: string, text: string, markdown: string): readonly string[] => {
      const house = new House(
        new Map([
          [source, text],
          [`docs/reference/${law.replace("-page", ".md")}`, markdown],
        ]),
      );
      return judge(house)
        .filter((violation) => violation.law === law)
        .map(({ file, line }) => `${file}:${line}`);
    };
    const errors =
      'export class AError<T = unknown> extends HoldfastError {\n  readonly code = "A_CODE" as const;\n' +
      "  constructor(\n    readonly resource: string,\n  ) {}\n}\n";
    const good = "# Errors\n## `AError`\n`A_CODE` carries `resource`.\n";
    assert.deepEqual(page("errors-page", "src/errors.ts", errors, good), []);
    assert.deepEqual(page("errors-page", "src/errors.ts", errors, "# Errors\n"), ["src/errors.ts:1"]);
    assert.deepEqual(page("errors-page", "src/errors.ts", errors, good.replace("`resource`", "it")), [
      "docs/reference/errors.md:2",
    ]);
    assert.deepEqual(page("errors-page", "src/errors.ts", errors, `${good}## \`BError\`\n`), [
      "docs/reference/errors.md:4",
    ]);

    const events =
      'export interface Events {\n  /** One. */\n  "a.b": Base & { readonly waitMs: number };\n' +
      '  "c.d": LockEvent & {\n    readonly token: bigint;\n  };\n}\n' +
      "export interface LockEvent {\n  readonly backend: string;\n}\n";
    const told = "## `a.b`\n`waitMs`\n## `c.d`\n`token` `backend`\n";
    assert.deepEqual(page("events-page", "src/events.ts", events, told), []);
    assert.deepEqual(page("events-page", "src/events.ts", events, told.replace(" `backend`", "")), [
      "docs/reference/events.md:3",
    ]);
    assert.deepEqual(page("events-page", "src/events.ts", events, "## `a.b`\n`waitMs`\n"), [
      "src/events.ts:4",
    ]);
    assert.deepEqual(page("events-page", "src/events.ts", "", told), ["src/events.ts:1"]);
  });

  test("backend-pages: one for each backend", () => {
    assert.deepEqual(
      breaksOf("backend-pages", {
        "src/backends/memory.ts": "",
        "src/backends/redis/index.ts": "",
        "src/backends/redis/scripts.ts": "",
        "docs/backends/memory.md": "",
        "docs/backends/oracle.md": "",
        "docs/backends/adding-one.md": "",
      }),
      ["src/backends/redis/index.ts:1 backend-pages", "docs/backends/oracle.md:1 backend-pages"],
    );
  });
});

test("every law has been broken by a sample above", () => {
  assert.deepEqual(
    LAWS.map(({ name }) => name).filter((name) => !broken.has(name)),
    [],
  );
});
