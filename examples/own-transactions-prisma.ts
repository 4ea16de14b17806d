import { Pool, type PoolClient } from "pg";
import { ConflictError } from "holdfast";
import { compareAndSet, lockInTransaction, retrying, type SqlExecutor } from "holdfast/sql";

/** What is used of `Prisma.TransactionClient`. */
interface TransactionClient {
  $queryRawUnsafe<T = unknown>(query: string, ...values: unknown[]): Promise<T>;
}

// #region executor
const holdfast = (tx: TransactionClient): SqlExecutor => ({
  dialect: "postgres",
  query: (text, values) => tx.$queryRawUnsafe(text, ...values),
});
// #endregion

const pool = new Pool({ connectionString: process.env["POSTGRES_URL"] });

/**
 * Stands in for `new PrismaClient()`, which downloads an engine: the same two methods, results and errors.
 * Rows come without anything around them, and an error of the database is P2010 with its own code inside.
 */
const prisma = {
  async $transaction<T>(work: (tx: TransactionClient) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      const result = await work(clientOf(client));
      await client.query("COMMIT");
      return result;
    } catch (error) {
      await client.query("ROLLBACK");
      throw error;
    } finally {
      client.release();
    }
  },
};

function clientOf(client: PoolClient): TransactionClient {
  return {
    async $queryRawUnsafe<T>(query: string, ...values: unknown[]) {
      try {
        return (await client.query(query, values)).rows as T;
      } catch (error) {
        const { code } = error as { code?: string };
        throw Object.assign(new Error("Raw query failed"), { code: "P2010", meta: { code } });
      }
    },
  };
}

await pool.query('CREATE TABLE "Order" ("orderId" int PRIMARY KEY, state text, "rowVersion" int NOT NULL)');
await pool.query(`INSERT INTO "Order" VALUES (1, 'open', 1)`);

// #region compare
const ship = (rowVersion: number): Promise<Record<string, unknown>> =>
  retrying((attempt) =>
    prisma.$transaction(
      attempt.body(async (tx) => {
        await lockInTransaction(holdfast(tx), "order:1", { waitMs: 2_000 });
        // Names as they are in the database, which @@map and @map may have changed.
        const order = { table: "Order", key: { orderId: 1 }, revision: rowVersion };
        return compareAndSet(holdfast(tx), { ...order, revisionColumn: "rowVersion" }, { state: "shipped" });
      }),
    ),
  );
// #endregion

const endings = await Promise.allSettled([ship(1), ship(1), ship(1)]);
const refused = endings.filter((each) => each.status === "rejected").map(({ reason }) => reason as unknown);
if (refused.length !== 2 || !refused.every((each) => each instanceof ConflictError)) {
  throw new Error("an order was shipped twice, or never");
}
console.log("shipped once");
await pool.end();
