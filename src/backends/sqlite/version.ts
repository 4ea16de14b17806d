import type { SqliteDatabase } from "./driver.ts";

export function sqliteVersion(database: SqliteDatabase): string {
  const row = database.prepare("SELECT sqlite_version() AS version").get();
  return (row as { readonly version: string }).version;
}

/**
 * Until 3.51.3 (and 3.50.7 and 3.44.6 of the older lines), SQLite could lose commits in write-ahead
 * mode when one process began a checkpoint while another reset the log:
 * https://sqlite.org/wal.html#walresetbug
 */
export function mayLoseCommits(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  if (major !== 3) return major < 3;
  if (minor === 51) return patch < 3;
  if (minor === 50) return patch < 7;
  if (minor === 44) return patch < 6;
  return minor < 51;
}
