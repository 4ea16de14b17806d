import { sleep, systemClock } from "../../clock.ts";
import type { MysqlConnection, MysqlPool, MysqlPoolConnection, MysqlValue } from "./client.ts";
import { asBackendError, NoAnswer, NotSent, wasRolledBack } from "./failure.ts";

/** How often a call that the server rolled back because of others is made again. */
const ATTEMPTS = 5;

export type Row = Readonly<Record<string, unknown>>;

/** One statement, one round trip, on whichever connection is free. Each settles in bounded time. */
export class Calls {
  constructor(
    readonly pool: MysqlPool,
    readonly timeoutMs: number,
  ) {}

  /** The rows of a query, or the first that a procedure answers. */
  async run(operation: string, text: string, values: readonly MysqlValue[] = []): Promise<readonly Row[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.onConnection((connection) => rowsOf(connection, text, values));
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
  async onConnection<T>(
    use: (connection: MysqlConnection) => Promise<T>,
    timeoutMs = this.timeoutMs,
  ): Promise<T> {
    const connection = await this.#connect();
    let isWell = false;
    try {
      const silent = (): NoAnswer => new NoAnswer(silence(timeoutMs));
      const result = await bounded(use(connection), timeoutMs, silent);
      isWell = true;
      return result;
    } finally {
      if (isWell) connection.release();
      else connection.destroy();
    }
  }

  async #connect(): Promise<MysqlPoolConnection> {
    const connecting = this.pool.getConnection();
    let isLate = false;
    const late = (): NotSent => {
      isLate = true;
      return new NotSent(`no connection within ${this.timeoutMs} ms`);
    };
    connecting.then(
      (connection) => {
        if (isLate) connection.release();
      },
      () => undefined,
    );
    try {
      return await bounded(connecting, this.timeoutMs, late);
    } catch (cause) {
      throw cause instanceof NotSent ? cause : new NotSent(messageOf(cause), { cause });
    }
  }
}

export async function rowsOf(
  connection: MysqlConnection,
  text: string,
  values: readonly MysqlValue[] = [],
): Promise<readonly Row[]> {
  const [result] = await (values.length === 0 ? connection.query(text) : connection.execute(text, [...values]));
  if (!Array.isArray(result)) return [];
  // A procedure answers a list of results, the last of which tells of itself.
  return Array.isArray(result[0]) ? (result[0] as Row[]) : (result as Row[]);
}

export function bounded<T>(work: Promise<T>, ms: number, error: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = systemClock.timer(ms, () => reject(error()), { keepAlive: true });
    work.then(resolve, reject).finally(cancel);
  });
}

export const silence = (ms: number): string => `no answer within ${ms} ms`;

/** A host with two addresses fails with an error of two errors, and no message of its own. */
function messageOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === "") return cause.errors.map(String).join("; ");
  return cause instanceof Error ? cause.message : String(cause);
}
