import { systemClock, sleep } from "../../clock.ts";
import type { PostgresClient, PostgresPool, PostgresQuery, PostgresResult } from "./client.ts";
import { asBackendError, isBroken, NoAnswer, NotSent, wasRolledBack } from "./failure.ts";

/** How often a call that the server rolled back because of others is made again. */
const ATTEMPTS = 5;

/** One statement, one round trip, on whichever connection is free. Each settles in bounded time. */
export class Calls {
  /**
   * Whether sessions are ours between transactions, so that the server may keep parsed statements
   * for them.
   */
  isDirect = false;

  constructor(
    readonly pool: PostgresPool,
    readonly timeoutMs: number,
  ) {}

  async run(operation: string, query: PostgresQuery): Promise<PostgresResult["rows"]> {
    const { text, values } = query;
    const sent = this.isDirect ? query : { text, ...(values === undefined ? {} : { values }) };
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { rows } = await this.onClient((client) => client.query(sent));
        return rows;
      } catch (cause) {
        if (attempt === ATTEMPTS || !wasRolledBack(cause)) throw asBackendError(operation, cause);
        await sleep(systemClock, systemClock.random() * 5 * 2 ** attempt);
      }
    }
  }

  /** For several statements on one connection. */
  async onClient<T>(use: (client: PostgresClient) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    // A connection that breaks says so here, and then to the query that waits on it.
    const ignore = (): void => undefined;
    client.on("error", ignore);
    let broken = true;
    try {
      const silent = (): NoAnswer => new NoAnswer(silence(this.timeoutMs));
      const result = await bounded(use(client), this.timeoutMs, silent);
      broken = false;
      return result;
    } catch (cause) {
      broken = isBroken(cause);
      throw cause;
    } finally {
      if (!broken) client.removeListener("error", ignore);
      client.release(broken);
    }
  }

  async #connect(): Promise<PostgresClient> {
    const connecting = this.pool.connect();
    let isLate = false;
    const late = (): NotSent => {
      isLate = true;
      return new NotSent(`no connection within ${this.timeoutMs} ms`);
    };
    connecting.then(
      (client) => {
        if (isLate) client.release();
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
