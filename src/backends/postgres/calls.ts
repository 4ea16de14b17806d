import { systemClock, sleep } from "../../clock.ts";
import type { PostgresClient, PostgresPool, PostgresQuery, PostgresResult } from "./client.ts";
import { asBackendError, isBroken, NoAnswer, NotSent, wasRolledBack } from "./failure.ts";
import type { Statement } from "./statement.ts";
import { askText } from "./text-query.ts";

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

  run(operation: string, { name, text, values }: PostgresQuery): Promise<PostgresResult["rows"]> {
    const query = {
      text,
      ...(values === undefined ? {} : { values }),
      ...(name === undefined || !this.isDirect ? {} : { name }),
    };
    return this.#persistently(operation, async (client) => (await client.query(query)).rows);
  }

  /** For a statement that answers one text, on sessions that are ours. */
  text(operation: string, statement: Statement, values: readonly (string | null)[]): Promise<string> {
    return this.#persistently(operation, async (client) => {
      const asked = askText(client, statement, values);
      if (asked !== undefined) return asked;
      const { rows } = await client.query({ ...statement, values });
      return String(rows[0]?.["answer"]);
    });
  }

  async #persistently<T>(operation: string, use: (client: PostgresClient) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.onClient(use);
      } catch (cause) {
        if (attempt === ATTEMPTS || !wasRolledBack(cause)) throw asBackendError(operation, cause);
        await sleep(systemClock, systemClock.random() * 5 * 2 ** attempt);
      }
    }
  }

  /** For several statements on one connection. */
  onClient<T>(use: (client: PostgresClient) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let client: PostgresClient | undefined;
      let isOver = false;
      const end = (isConnectionBroken: boolean): void => {
        isOver = true;
        cancel();
        if (!isConnectionBroken) client?.removeListener("error", ignore);
        client?.release(isConnectionBroken);
      };
      const fail = (cause: unknown): void => {
        if (isOver) return;
        end(isBroken(cause));
        reject(cause);
      };
      const late = (): void => {
        const ms = this.timeoutMs;
        fail(client === undefined ? new NotSent(`no connection within ${ms} ms`) : new NoAnswer(silence(ms)));
      };
      const cancel = systemClock.timer(this.timeoutMs, late, { keepAlive: true });
      this.pool.connect().then(
        (connected) => {
          if (isOver) return connected.release();
          client = connected;
          client.on("error", ignore);
          use(client).then((result) => {
            if (isOver) return;
            end(false);
            resolve(result);
          }, fail);
        },
        (cause: unknown) => fail(new NotSent(messageOf(cause), { cause })),
      );
    });
  }
}

/** A connection that breaks says so here, and then to the query that waits on it. */
const ignore = (): void => undefined;

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
