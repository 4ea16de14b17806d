/** Which SQL is spoken: PostgreSQL's, or that of MySQL and MariaDB. */
export type SqlDialect = "postgres" | "mysql";

/**
 * What can run a statement inside the caller's open transaction. A client of "pg" and a connection of
 * "mysql2/promise" are one as they are; Kysely, Drizzle and Prisma need a line, see the guide.
 *
 * Every statement has its placeholders (`$1` and so on for PostgreSQL, else `?`) in order and once each, and
 * nothing else in it looks like one. It is sent as it is, on the transaction's own connection. The result
 * is `{ rows }`, `[rows, …]` or the rows themselves. Errors of the server keep their code, on themselves or
 * on a `cause`.
 */
export interface SqlExecutor {
  /** Left out: asked of the server, once for each executor. */
  readonly dialect?: SqlDialect;
  query(text: string, values: unknown[]): PromiseLike<unknown>;
}

export type Row = Readonly<Record<string, unknown>>;

/** Rows of a result, whatever client made it. */
export async function rowsOf(tx: SqlExecutor, text: string, values: unknown[] = []): Promise<readonly Row[]> {
  const result = await tx.query(text, values);
  if (Array.isArray(result)) {
    // "mysql2" answers with two things, of which the first are rows, or a header without rows.
    if (Array.isArray(result[0])) return result[0] as readonly Row[];
    return result.length === 2 && result[1] === undefined ? [] : (result as readonly Row[]);
  }
  if (typeof result === "object" && result !== null && "rows" in result && Array.isArray(result.rows)) {
    return result.rows as readonly Row[];
  }
  throw new TypeError(
    "query(text, values) must resolve with { rows }, [rows, fields] or rows; " +
      'take connections from "mysql2/promise", and see the guide for Kysely, Drizzle and Prisma',
  );
}

const known = new WeakMap<SqlExecutor, SqlDialect>();

/** @throws TypeError if it is no executor, RangeError if its dialect is unknown. */
export async function dialectOf(tx: SqlExecutor): Promise<SqlDialect> {
  if (typeof tx !== "object" || tx === null || typeof tx.query !== "function") {
    throw new TypeError("the transaction must have query(text, values), as a client of pg or mysql2 has");
  }
  const dialect = tx.dialect ?? known.get(tx);
  if (dialect !== undefined) return checkDialect(dialect);
  const [row] = await rowsOf(tx, "SELECT version() AS version");
  const detected = String(row?.["version"]).startsWith("PostgreSQL") ? "postgres" : "mysql";
  known.set(tx, detected);
  return detected;
}

/** @throws RangeError */
export function checkDialect(dialect: unknown): SqlDialect {
  if (dialect === "postgres" || dialect === "mysql") return dialect;
  throw new RangeError(`dialect must be "postgres" or "mysql" (also for MariaDB), not ${String(dialect)}`);
}
