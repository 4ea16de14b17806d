import { createHash } from "node:crypto";
import { LockTimeoutError } from "../errors.ts";
import { rowsOf, type Row, type SqlExecutor } from "./executor.ts";
import { faultsOf } from "./fault.ts";
import { outsideTransaction } from "./outside-transaction.ts";

/** Text becomes a number in the server, so that no client has to know how to send 64 bits. */
const BIGINT = "CAST(CAST($1 AS text) AS bigint)";
const LONGEST_WAIT_MS = 2_147_483_647;

/**
 * One transaction, seen from two statements: now() is when it began. Outside of a transaction each statement
 * is one of its own, and through a pool even on another connection.
 */
const STARTED = "CAST(now() AS text) AS started";

const TRY = `SELECT pg_try_advisory_xact_lock(${BIGINT}) AS held, ${STARTED},
  current_setting('lock_timeout') AS limit_text,
  CAST(extract(epoch FROM CAST(current_setting('lock_timeout') AS interval)) * 1000 AS int) AS limit_ms`;
// The function returns void, which not every client can read.
const WAIT = `SELECT CAST(pg_advisory_xact_lock(${BIGINT}) AS text) AS held, ${STARTED}`;
const FENCE = `INSERT INTO holdfast_fence AS f (namespace, resource, token)
  VALUES (CAST($1 AS text), CAST($2 AS text), CAST(CAST($3 AS text) AS bigint))
  ON CONFLICT (namespace, resource) DO UPDATE SET token = EXCLUDED.token WHERE f.token <= EXCLUDED.token
  RETURNING ${STARTED}`;

/** The first 64 bits of SHA-256 over namespace, NUL, name: anybody can compute it, in any language. */
export function advisoryKey(namespace: string, name: string): bigint {
  return createHash("sha256").update(`${namespace}\0${name}`).digest().readBigInt64BE(0);
}

/** @throws LockTimeoutError, TypeError */
export async function lockInPostgres(
  tx: SqlExecutor,
  namespace: string,
  name: string,
  waitMs: number | undefined,
): Promise<void> {
  const key = String(advisoryKey(namespace, name));
  const [tried] = await rowsOf(tx, TRY, [key]);
  if (tried?.["held"] === true) return sameTransaction(tx, "lockInTransaction", tried);
  if (waitMs === 0) throw new LockTimeoutError(name, 0, 1);
  const sessionMs = Number(tried?.["limit_ms"]);
  if (waitMs === undefined && sessionMs === 0) {
    const [held] = await rowsOf(tx, WAIT, [key]);
    if (held?.["started"] !== tried?.["started"]) throw outsideTransaction("lockInTransaction");
    return;
  }
  const limitMs = Math.min(waitMs === undefined ? sessionMs : Math.ceil(waitMs), LONGEST_WAIT_MS);
  if (!(await waitedFor(tx, key, limitMs, String(tried?.["limit_text"])))) {
    throw new LockTimeoutError(name, limitMs, 1);
  }
}

/**
 * An error ends a transaction in PostgreSQL, but for what a savepoint can take back. That gives up the lock
 * too, which the server may have granted in the very moment in which the time ran out.
 */
async function waitedFor(tx: SqlExecutor, key: string, ms: number, before: string): Promise<boolean> {
  const limit = "SELECT set_config('lock_timeout', CAST($1 AS text), true) AS limit_text";
  try {
    await tx.query("SAVEPOINT holdfast_lock", []);
  } catch (error) {
    throw hasState(error, "25P01") ? outsideTransaction("lockInTransaction") : error;
  }
  await tx.query(limit, [String(ms)]);
  let isHeld = true;
  try {
    await tx.query(WAIT, [key]);
    await tx.query(limit, [before]);
  } catch (error) {
    if (!hasState(error, "55P03")) throw error;
    await tx.query("ROLLBACK TO SAVEPOINT holdfast_lock", []);
    isHeld = false;
  }
  await tx.query("RELEASE SAVEPOINT holdfast_lock", []);
  return isHeld;
}

/** Whether the token was the highest so far. @throws TypeError */
export async function fenceInPostgres(
  tx: SqlExecutor,
  namespace: string,
  resource: string,
  token: bigint,
): Promise<boolean> {
  const [before] = await rowsOf(tx, `SELECT ${STARTED}`);
  const [passed] = await rowsOf(tx, FENCE, [namespace, resource, String(token)]);
  if (passed === undefined) return false;
  if (passed["started"] !== before?.["started"]) throw outsideTransaction("fence");
  return true;
}

async function sameTransaction(tx: SqlExecutor, operation: string, before: Row): Promise<void> {
  const [now] = await rowsOf(tx, `SELECT ${STARTED}`);
  if (now?.["started"] !== before["started"]) throw outsideTransaction(operation);
}

const hasState = (error: unknown, state: string): boolean =>
  faultsOf(error).some((fault) => fault.state === state);
