import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { HoldfastError } from "holdfast";
import type { Database, Isolation, Session } from "./database.ts";

const LIMIT_MS = 20_000;

/** Until so many sessions wait for a lock in the server itself. */
export async function untilWaiting(database: Database, sessions: number): Promise<void> {
  const giveUpAt = Date.now() + LIMIT_MS;
  while ((await database.waiting()) < sessions) {
    assert.ok(Date.now() < giveUpAt, `${sessions} sessions did not wait within ${LIMIT_MS} ms`);
    await wait(20);
  }
}

/** Runs with so many sessions, which are closed in the end. */
export async function withSessions(
  database: Database,
  count: number,
  work: (...sessions: Session[]) => Promise<void>,
): Promise<void> {
  const sessions = await Promise.all(Array.from({ length: count }, () => database.session()));
  try {
    await work(...sessions);
  } finally {
    await Promise.all(sessions.map((session) => session.end()));
  }
}

/** How a step ended: undefined if well, else the library's code, or "again" if the database wants a retry. */
export async function ending(step: Promise<unknown>): Promise<string | undefined> {
  try {
    await step;
    return undefined;
  } catch (error) {
    if (error instanceof HoldfastError) return error.code;
    const { code, errno } = error as { code?: unknown; errno?: unknown };
    const isAgain = ["40001", "40P01"].includes(String(code)) || [1020, 1205, 1213].includes(Number(errno));
    if (isAgain) return "again";
    throw error;
  }
}

/** BEGIN, work, COMMIT; ROLLBACK after an error. */
export async function inTransaction<T>(
  session: Session,
  work: () => Promise<T>,
  isolation?: Isolation,
): Promise<T> {
  await session.begin(isolation);
  try {
    const result = await work();
    await session.commit();
    return result;
  } catch (error) {
    await session.rollback();
    throw error;
  }
}
