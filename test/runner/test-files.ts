import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

export interface TestFile {
  /** Relative to the project. */
  readonly source: string;
  /** What the compiler makes of it. */
  readonly built: string;
}

const NOT_OURS = new Set(["node_modules", "dist", "build"]);

/**
 * The test files of the project and its applications, in order of name. The list comes from the sources: what
 * was built of a source since deleted does not run, and what was not built is missed.
 */
export function testFiles(root: string, filters: readonly string[]): readonly TestFile[] {
  const apps = foldersIn(join(root, "apps")).map((name) => `apps/${name}`);
  const files = [
    ...sourcesIn(root, "test").map((source) => ({ source, built: `build/${built(source)}` })),
    ...apps.flatMap((app) =>
      sourcesIn(root, app).map((source) => ({
        source,
        built: `${app}/dist${built(source).slice(app.length)}`,
      })),
    ),
  ];
  return files.filter(
    ({ source }) => filters.length === 0 || filters.some((filter) => source.includes(filter)),
  );
}

const built = (source: string): string => source.replace(/\.tsx?$/, ".js");

function sourcesIn(root: string, folder: string): readonly string[] {
  const found: string[] = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory() && !NOT_OURS.has(entry.name)) found.push(...sourcesIn(root, path));
    else if (/\.test\.tsx?$/.test(entry.name)) found.push(path);
  }
  return found.sort();
}

function foldersIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}
