import { posix } from "node:path";
import { entryPoints } from "./graph.ts";
import type { House, Violation } from "./house.ts";

interface Manifest {
  readonly exports?: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly files?: readonly string[];
}

interface LockFile {
  readonly packages?: Readonly<
    Record<string, { readonly dev?: boolean; readonly hasInstallScript?: boolean }>
  >;
}

const FILE = "package.json";

/** What package.json promises to its users is there: sources, what the build makes of them, other files. */
export function* manifest(house: House): Iterable<Violation> {
  const { exports = {}, bin = {}, files = [] } = (house.json(FILE) ?? {}) as Manifest;
  const broken = (what: string, message: string): Violation => ({
    file: FILE,
    line: lineOf(house, FILE, what),
    law: "manifest",
    message,
  });
  for (const source of entryPoints(house)) {
    if (!house.exists(source))
      yield broken(source, `names ${source}, which does not exist; add or remove it`);
  }
  for (const target of [...Object.values(exports), ...Object.values(bin)]) {
    const path = posix.normalize(target);
    const types = path.replace(/\.js$/, ".d.ts");
    for (const built of new Set([path, types])) {
      if (!house.exists(built))
        yield broken(target, `${built} is not there after the build; run \`npm run build\``);
    }
  }
  for (const path of files) {
    if (!house.exists(path))
      yield broken(`"${path}"`, `publishes ${path}, which does not exist; add or remove it`);
  }
  for (const name of house.backends) {
    if (exports[`./${name}`] !== undefined) continue;
    yield broken('"exports"', `the backend ${name} has no entry "./${name}"; users cannot import it`);
  }
  for (const target of Object.values(bin)) {
    const path = posix.normalize(target).replace(/^dist\/(.+)\.js$/, "src/$1.ts");
    const text = house.text(path);
    if (text === undefined || text.startsWith("#!/usr/bin/env node\n")) continue;
    const message = "a command starts with the line `#!/usr/bin/env node`; add it";
    yield { file: path, line: 1, law: "manifest", message };
  }
}

/** npm blocks install scripts of dependencies: what a user needs at run time must do without. */
export function* installScripts(house: House): Iterable<Violation> {
  const { packages = {} } = (house.json("package-lock.json") ?? {}) as LockFile;
  for (const [name, entry] of Object.entries(packages)) {
    if (entry.hasInstallScript !== true || entry.dev === true) continue;
    const line = lineOf(house, "package-lock.json", `"${name}": {`);
    const message = `${name} runs a script when installed, which npm blocks; choose a package that does not`;
    yield { file: "package-lock.json", line, law: "install-scripts", message };
  }
}

/** A lock file that names a registry's host works only where that host is reached. */
export function* registryHosts(house: House): Iterable<Violation> {
  for (const path of house.paths.filter((each) => /(?:^|\/)package-lock\.json$/.test(each))) {
    for (const [index, line] of (house.text(path) ?? "").split("\n").entries()) {
      if (!/"resolved":\s*"[a-z+]+:\/\//.test(line)) continue;
      const message = "names a registry host; make the file anew with omit-lockfile-registry-resolved=true";
      yield { file: path, line: index + 1, law: "registry-hosts", message };
    }
  }
}

function lineOf(house: House, file: string, what: string): number {
  const index = (house.text(file) ?? "").split("\n").findIndex((line) => line.includes(what));
  return Math.max(index, 0) + 1;
}
