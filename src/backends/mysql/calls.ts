import { BackendError } from "../../errors.ts";
import { sleep, systemClock } from "../../clock.ts";
import type { MysqlConnection, MysqlPool, MysqlPoolConnection, MysqlValue } from "./client.ts";
import { asBackendError, NoAnswer, NotSent, wasRolledBack } from "./failure.ts";

/** How often a call that the server rolled back because of others is made again. */
const ATTEMPTS = 5;

export type Row = Readonly<Record<string, unknown>>;

export interface Change {
  readonly affectedRows: number;
  readonly insertId: number | string;
}

/** A transaction that is open. */
export interface Transaction {
  rows(text: string, values: readonly MysqlValue[]): Promise<readonly Row[]>;
  change(text: string, values: readonly MysqlValue[]): Promise<unknown>;
}

/** One statement, one round trip, on whichever connection is free. Each settles in bounded time. */
export class Calls {
  constructor(
    readonly pool: MysqlPool,
    readonly timeoutMs: number,
  ) {}

  /** The rows of a query, or the first that a procedure answers. */
  run(operation: string, text: string, values: readonly MysqlValue[] = []): Promise<readonly Row[]> {
    return this.#attempt(operation, (connection) => rowsOf(connection, text, values));
  }

  /** What a statement that changes rows tells of itself. */
  change(operation: string, text: string, values: readonly MysqlValue[]): Promise<Change> {
    return this.#attempt(operation, async (connection) => {
      const [result] = await connection.execute(text, [...values]);
      return result as Change;
    });
  }

  /**
   * Several statements, all or nothing, at READ COMMITTED. `use` says whether to keep what it has done. What
   * fails before the COMMIT has left took no effect: the connection is closed then.
   */
  transaction<T>(
    operation: string,
    use: (transaction: Transaction) => Promise<{ readonly result: T; readonly keep: boolean }>,
  ): Promise<T> {
    return this.#attempt(operation, async (connection) => {
      let isCommitting = false;
      try {
        await connection.query("SET TRANSACTION ISOLATION LEVEL READ COMMITTED");
        await connection.query("START TRANSACTION");
        const { result, keep } = await use({
          rows: (text, values) => rowsOf(connection, text, values),
          change: (text, values) => connection.execute(text, [...values]),
        });
        isCommitting = keep;
        await connection.query(keep ? "COMMIT" : "ROLLBACK");
        return result;
      } catch (cause) {
        if (isCommitting || wasRolledBack(cause)) throw cause;
        throw new BackendError("mysql", operation, "not-applied", { cause });
      }
    });
  }

  async #attempt<T>(operation: string, use: (connection: MysqlConnection) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.onConnection(use);
      } catch (cause) {
        if (attempt === ATTEMPTS || !wasRolledBack(cause)) throw asBackendError(operation, cause);
        await sleep(systemClock, systemClock.random() * 5 * 2 ** attempt);
      }
    }
  }

  /**
   * For several statements on one connection. After any failure it is closed: whether a transaction
   * is open on it still is not known, and the client would keep a dead one in the pool.
   */
  onConnection<T>(use: (connection: MysqlConnection) => Promise<T>, ms = this.timeoutMs): Promise<T> {
    return new Promise((resolve, reject) => {
      let connection: MysqlPoolConnection | undefined;
      let isOver = false;
      const end = (error: unknown): void => {
        if (isOver) return;
        isOver = true;
        cancel();
        connection?.destroy();
        reject(error);
      };
      const late = (): void =>
        end(
          connection === undefined
            ? new NotSent(`no connection within ${ms} ms`)
            : new NoAnswer(silence(ms)),
        );
      const cancel = systemClock.timer(ms, late, { keepAlive: true });
      const connected = (got: MysqlPoolConnection): void => {
        if (isOver) return got.release();
        connection = got;
        use(got).then((result) => {
          if (isOver) return;
          isOver = true;
          cancel();
          got.release();
          resolve(result);
        }, end);
      };
      this.pool
        .getConnection()
        .then(connected, (cause: unknown) => end(new NotSent(messageOf(cause), { cause })));
    });
  }
}

export async function rowsOf(
  connection: MysqlConnection,
  text: string,
  values: readonly MysqlValue[] = [],
): Promise<readonly Row[]> {
  const [result] = await (values.length === 0
    ? connection.query(text)
    : connection.execute(text, [...values]));
  if (!Array.isArray(result)) return [];
  // A procedure answers a list of results, the last of which tells of itself.
  return Array.isArray(result[0]) ? (result[0] as Row[]) : (result as Row[]);
}

export const silence = (ms: number): string => `no answer within ${ms} ms`;

/** A host with two addresses fails with an error of two errors, and no message of its own. */
function messageOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === "") return cause.errors.map(String).join("; ");
  return cause instanceof Error ? cause.message : String(cause);
}
