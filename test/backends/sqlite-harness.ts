import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { AdmitRequest, Backend, Listener, Session } from "holdfast/backend";
import { findDriver, type SqliteDatabase } from "#src/backends/sqlite/driver.js";

/** A directory that goes with the test. */
export function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function sessionOf(processId: string, listener: Partial<Listener> = {}): Session {
  return {
    namespace: "test",
    processId,
    owner: { host: "here", pid: process.pid },
    claimMs: 5_000,
    patienceMs: 5_000,
    listener: { granted() {}, revoked() {}, contended() {}, look() {}, ...listener },
  };
}

export async function opened(t: TestContext, backend: Backend, session: Session): Promise<Backend> {
  await backend.open(session);
  t.after(() => backend.close());
  return backend;
}

export function mutex(resource: string, leaseId: string, ttlMs = 30_000): AdmitRequest {
  return { resource, leaseId, permits: 1, capacity: 1, ttlMs, wait: true };
}

/** A connection of somebody else, as an application has it. */
export function connection(file: string): SqliteDatabase {
  const database = findDriver().open(file);
  database.exec("PRAGMA busy_timeout = 0");
  return database;
}
