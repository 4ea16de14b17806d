import { createRequire } from "node:module";

/** Holds the write lock of a database file until it is killed. */
interface Driver {
  exec(sql: string): unknown;
}

const load = createRequire(import.meta.url);
const [file = ""] = process.argv.slice(2);

function open(): Driver {
  try {
    const { DatabaseSync } = load("node:sqlite") as { DatabaseSync: new (file: string) => Driver };
    return new DatabaseSync(file);
  } catch {
    const Database = load("libsql") as new (file: string) => Driver;
    return new Database(file);
  }
}

const database = open();
database.exec("pragma busy_timeout = 5000");
database.exec("begin immediate");
process.send?.("frozen");
// Refers to the database: one that nothing refers to is collected, and lets go of its lock.
setInterval(() => void database, 60_000);
