import { posix } from "node:path";
import type { House, Violation } from "./house.ts";
import type { Import } from "./source.ts";

/**
 * Files that load each other cannot be tested or loaded one by one, and see each other half made. A type-only
 * import is erased, so an object may name the type of what owns it; a worker started by URL loads by itself.
 */
export function* cycles(house: House): Iterable<Violation> {
  const graph = graphOf(house, ({ kind, typeOnly }) => kind !== "url" && !typeOnly);
  const done = new Set<string>();
  const path: string[] = [];
  function* visit(file: string): Iterable<Violation> {
    path.push(file);
    for (const { target, line } of graph.get(file) ?? []) {
      const start = path.indexOf(target);
      if (start >= 0) {
        const cycle = [...path.slice(start), target].join(" → ");
        yield { file, line, law: "cycles", message: `${cycle}; move what both need to a file of its own` };
      } else if (!done.has(target)) {
        yield* visit(target);
      }
    }
    path.pop();
    done.add(file);
  }
  for (const file of graph.keys()) if (!done.has(file)) yield* visit(file);
}

/** A file of the library that no entry point leads to is dead. */
export function* reachable(house: House): Iterable<Violation> {
  const graph = graphOf(house, () => true);
  const open = entryPoints(house);
  const seen = new Set(open);
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    for (const { target } of graph.get(file) ?? []) {
      if (seen.has(target)) continue;
      seen.add(target);
      open.push(target);
    }
  }
  for (const { path } of house.sources("src")) {
    if (seen.has(path)) continue;
    yield {
      file: path,
      line: 1,
      law: "reachable",
      message: "no entry point leads here; use it or delete it",
    };
  }
}

/** Sources behind the `exports` and `bin` of package.json. */
export function entryPoints(house: House): string[] {
  const manifest = house.json("package.json") as
    { exports?: Record<string, unknown>; bin?: Record<string, unknown> } | undefined;
  return [...Object.values(manifest?.exports ?? {}), ...Object.values(manifest?.bin ?? {})]
    .map((target) => /^(?:\.\/)?dist\/(.+)\.js$/.exec(String(target))?.[1])
    .filter((name) => name !== undefined)
    .map((name) => `src/${name}.ts`);
}

interface Edge {
  readonly target: string;
  readonly line: number;
}

function graphOf(house: House, chosen: (each: Import) => boolean): ReadonlyMap<string, readonly Edge[]> {
  const graph = new Map<string, readonly Edge[]>();
  for (const source of house.sources()) {
    const edges = house
      .imports(source)
      .filter((each) => each.specifier.startsWith(".") && chosen(each))
      .map(({ specifier, line }) => ({
        // A process or worker is started by the name of what the compiler makes of the source.
        target: posix.join(posix.dirname(source.path), specifier).replace(/\.js$/, ".ts"),
        line,
      }));
    graph.set(source.path, edges);
  }
  return graph;
}
