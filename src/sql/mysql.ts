import { BackendError, LockTimeoutError } from "../errors.ts";
import { rowsOf, type SqlExecutor } from "./executor.ts";
import { faultsOf } from "./fault.ts";
import { outsideTransaction } from "./outside-transaction.ts";

const LOCK_WAIT_TIMEOUT = 1205;
const NO_SUCH_SAVEPOINT = 1305;
const NOT_PREPARABLE = 1295;

/** The whole name in bytes, whatever character set the connection speaks. */
const BYTES = "CAST(CONVERT(? USING utf8mb4) AS BINARY)";

/**
 * The key's row, made if need be, is locked until the end of the transaction: a duplicate of a primary key is
 * locked by itself, without a gap (MySQL manual, "Locks Set by Different SQL Statements"), and no snapshot
 * is taken, so that what is read after the lock is what its last holder left.
 */
const LOCK = `INSERT INTO holdfast_lock (namespace, name) VALUES (${BYTES}, ${BYTES})
  ON DUPLICATE KEY UPDATE name = name`;
const FENCE = `INSERT INTO holdfast_fence (namespace, resource, token)
  VALUES (${BYTES}, ${BYTES}, CAST(? AS SIGNED))
  ON DUPLICATE KEY UPDATE token = GREATEST(token, CAST(? AS SIGNED))`;
// A locking read sees what is there now, at every level of isolation.
const HIGHEST = `SELECT CAST(token AS CHAR) AS token FROM holdfast_fence
  WHERE namespace = ${BYTES} AND resource = ${BYTES} FOR UPDATE`;

/** MariaDB tells whether a transaction is open; for MySQL the rest is a comment. */
const SESSION = `SELECT @@innodb_lock_wait_timeout AS seconds, @@innodb_rollback_on_timeout AS rolls_back,
  @@autocommit AS autocommit, VERSION() AS version /*M! , @@in_transaction AS in_transaction */`;

/** @throws LockTimeoutError, BackendError, TypeError */
export async function lockInMysql(
  tx: SqlExecutor,
  namespace: string,
  name: string,
  waitMs: number | undefined,
): Promise<void> {
  const session = await openTransaction(tx, "lockInTransaction");
  if (session.rollsBack) {
    throw new BackendError("mysql", "lockInTransaction", "not-applied", {
      detail: "innodb_rollback_on_timeout is on, so waiting too long would end your transaction; turn it off",
    });
  }
  const seconds =
    waitMs === undefined ? session.seconds : Math.max(Math.ceil(waitMs / 1_000), session.leastSeconds);
  const limit = (value: number): PromiseLike<unknown> =>
    tx.query(`SET SESSION innodb_lock_wait_timeout = ${value}`, []);
  if (seconds !== session.seconds) await limit(seconds);
  try {
    await tx.query(LOCK, [namespace, name]);
  } catch (error) {
    if (seconds !== session.seconds) await limit(session.seconds).then(undefined, () => undefined);
    if (!hasNumber(error, LOCK_WAIT_TIMEOUT)) throw error;
    throw new LockTimeoutError(name, waitMs ?? seconds * 1_000, 1);
  }
  if (seconds !== session.seconds) await limit(session.seconds);
}

/** Whether the token was the highest so far. @throws TypeError */
export async function fenceInMysql(
  tx: SqlExecutor,
  namespace: string,
  resource: string,
  token: bigint,
): Promise<boolean> {
  await openTransaction(tx, "fence");
  await tx.query(FENCE, [namespace, resource, String(token), String(token)]);
  const [highest] = await rowsOf(tx, HIGHEST, [namespace, resource]);
  return BigInt(String(highest?.["token"])) <= token;
}

interface Session {
  /** How long it waits for a row. */
  readonly seconds: number;
  readonly leastSeconds: number;
  /** Whether waiting too long rolls back everything, not the statement alone. */
  readonly rollsBack: boolean;
}

async function openTransaction(tx: SqlExecutor, operation: string): Promise<Session> {
  const [row] = await rowsOf(tx, SESSION);
  const open = row?.["in_transaction"];
  const isOpen = open === undefined ? await keepsSavepoint(tx) : Number(open) === 1;
  if (!isOpen && Number(row?.["autocommit"]) === 1) throw outsideTransaction(operation);
  return {
    seconds: Number(row?.["seconds"]),
    leastSeconds: /mariadb/i.test(String(row?.["version"])) ? 0 : 1,
    rollsBack: Number(row?.["rolls_back"]) === 1,
  };
}

/** Outside of a transaction a savepoint is gone as soon as it is set. */
async function keepsSavepoint(tx: SqlExecutor): Promise<boolean> {
  try {
    await tx.query("SAVEPOINT holdfast_open", []);
    await tx.query("RELEASE SAVEPOINT holdfast_open", []);
    return true;
  } catch (error) {
    if (hasNumber(error, NO_SUCH_SAVEPOINT)) return false;
    // MySQL does not prepare these statements, and a client that prepares all cannot ask.
    if (hasNumber(error, NOT_PREPARABLE)) return true;
    throw error;
  }
}

const hasNumber = (error: unknown, errno: number): boolean =>
  faultsOf(error).some((fault) => fault.errno === errno);
