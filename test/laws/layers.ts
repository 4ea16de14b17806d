import { posix } from "node:path";
import { backendOf, type House, type Violation } from "./house.ts";
import type { Import, Source } from "./source.ts";

const LAW = "layers";

const CORE = [
  "contract",
  "errors",
  "clock",
  "events",
  "locks",
  "records",
  "recipes",
  "measures",
] as const;

/**
 * Which layers a file of the library may import, besides its own. `top` is what stands directly in `src`
 * and puts the parts together.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  contract: [],
  errors: ["contract"],
  clock: ["contract", "errors"],
  reopening: ["clock"],
  events: ["contract", "errors"],
  backend: ["contract", "errors", "clock", "reopening"],
  sql: ["errors", "clock"],
  locks: ["contract", "errors", "clock", "events"],
  records: ["contract", "errors", "clock", "events", "locks"],
  measures: ["contract", "errors", "clock", "events", "locks"],
  recipes: ["contract", "errors", "clock", "events", "locks", "records"],
  top: CORE,
  testkit: [...CORE, "top", "backend"],
  cli: [...CORE, "top", "testkit"],
};

/** The one place where a URL becomes a backend, which is loaded only then. */
const CONNECT = "src/connect.ts";

/** Arrows go one way: cli → index → locks, records, recipes → clock, events → backend, errors ← backends. */
export function* layers(house: House): Iterable<Violation> {
  for (const source of house.sources("src")) {
    for (const each of house.imports(source)) {
      const message = each.specifier.startsWith(".")
        ? insideLibrary(source, each)
        : fromOutside(source, each);
      if (message !== undefined) yield { file: source.path, line: each.line, law: LAW, message };
    }
  }
}

function insideLibrary(source: Source, { kind, specifier }: Import): string | undefined {
  const target = posix.join(posix.dirname(source.path), specifier);
  if (!target.startsWith("src/")) return `imports ${target}; the library imports nothing outside src`;
  if (!target.endsWith(".ts")) return `imports "${specifier}"; write the path of the .ts file`;
  const from = layerOf(source.path);
  const to = layerOf(target);
  if (from === to && (from !== "backend" || backendOf(source.path) === backendOf(target))) return undefined;
  if (source.path === CONNECT && to === "backend") {
    return kind === "dynamic" ? undefined : `imports a backend; load it lazily, by \`await import()\``;
  }
  if (MAY_IMPORT[from]?.includes(to) === true) return undefined;
  if (to === "backend") {
    return `${describe(from)} names a backend (${target}); speak to the contract in src/backend.ts`;
  }
  return `${describe(from)} must not import ${describe(to)} (${target}); move what both need a layer down`;
}

function fromOutside(source: Source, { kind, specifier }: Import): string | undefined {
  const layer = layerOf(source.path);
  if (specifier === "node:test") return "imports node:test; the library runs under any test runner";
  if (specifier.startsWith("node:")) {
    return layer === "contract" ? "imports something; the contract imports nothing" : undefined;
  }
  if (layer !== "backend") return `imports "${specifier}"; the library needs only Node, a backend its client`;
  return kind === "dynamic"
    ? undefined
    : `imports "${specifier}" for everybody; type it structurally and load it by \`await import()\``;
}

function layerOf(path: string): string {
  if (path === "src/backend.ts") return "contract";
  const single = /^src\/(errors|clock|events|reopening)\.ts$/.exec(path)?.[1];
  if (single !== undefined) return single;
  const folder = /^src\/([^/]+)\//.exec(path)?.[1];
  return folder === undefined ? "top" : folder === "backends" ? "backend" : folder;
}

function describe(layer: string): string {
  if (layer === "contract") return "src/backend.ts";
  if (layer === "backend") return "a backend";
  return layer === "top"
    ? "the top of src"
    : ["errors", "clock", "events", "reopening"].includes(layer)
      ? `src/${layer}.ts`
      : layer;
}

/** What stands outside the library uses it as its users do; only tests may look inside, by `#src/`. */
export function* neighbours(house: House): Iterable<Violation> {
  const names = publicNames(house);
  for (const source of house.sources("apps", "test", "bench", "examples")) {
    const root = /^(?:apps\/[^/]+|[^/]+)\//.exec(source.path)?.[0] ?? "";
    for (const { specifier, line, kind } of house.imports(source)) {
      let message: string | undefined;
      if (specifier.startsWith("#src/") && root !== "test/") {
        message = `imports "${specifier}"; only tests look inside, use a public name`;
      } else if (/^holdfast(?:\/|$)/.test(specifier) && !names.has(specifier)) {
        message = `imports "${specifier}", which package.json does not export`;
      } else if (kind !== "url" && specifier.startsWith(".")) {
        const target = posix.join(posix.dirname(source.path), specifier);
        if (!target.startsWith(root)) message = `reaches out of ${root} to ${target}; use a public name`;
      }
      if (message !== undefined) yield { file: source.path, line, law: "neighbours", message };
    }
  }
}

function publicNames(house: House): ReadonlySet<string> {
  const manifest = house.json("package.json") as { exports?: Record<string, unknown> } | undefined;
  return new Set(Object.keys(manifest?.exports ?? {}).map((name) => posix.join("holdfast", name)));
}
