import { CompiledQuery, Kysely, PostgresDialect, sql, type Generated } from "kysely";
import { Pool } from "pg";
import { LockTimeoutError } from "holdfast";
import { lockInTransaction, retrying, type SqlExecutor } from "holdfast/sql";

interface Tables {
  invoice_kysely: { id: Generated<number>; customer: string; number: number };
}

const pool = new Pool({ connectionString: process.env["POSTGRES_URL"] });
const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
await sql`CREATE TABLE invoice_kysely (id serial PRIMARY KEY, customer text, number int)`.execute(db);

// #region executor
const holdfast = (trx: Kysely<Tables>): SqlExecutor => ({
  dialect: "postgres",
  query: (text, values) => trx.executeQuery(CompiledQuery.raw(text, values)),
});
// #endregion

// #region lock
/** Numbers without gaps, one sequence for each customer. */
const addInvoice = (customer: string): Promise<number> =>
  retrying((attempt) =>
    db.transaction().execute(
      attempt.body(async (trx) => {
        await lockInTransaction(holdfast(trx), `invoices of ${customer}`, { waitMs: 5_000 });
        const { last } = await trx
          .selectFrom("invoice_kysely")
          .select((eb) => eb.fn.coalesce(eb.fn.max("number"), eb.lit(0)).as("last"))
          .where("customer", "=", customer)
          .executeTakeFirstOrThrow();
        await trx.insertInto("invoice_kysely").values({ customer, number: last + 1 }).execute();
        return last + 1;
      }),
    ),
  );
// #endregion

const numbers = await Promise.all(Array.from({ length: 8 }, () => addInvoice("ann")));
numbers.sort((a, b) => a - b);
if (numbers.join() !== "1,2,3,4,5,6,7,8") throw new Error(`numbers twice or gaps: ${numbers.join()}`);
console.log(`invoices ${numbers.join()}`);

await db.transaction().execute(async (holder) => {
  await lockInTransaction(holdfast(holder), "stock");
  // #region busy
  await db.transaction().execute(async (trx) => {
    try {
      await lockInTransaction(holdfast(trx), "stock", { waitMs: 0 });
    } catch (error) {
      if (!(error instanceof LockTimeoutError)) throw error;
      // The transaction goes on: it can do something else, and commit.
      await trx.insertInto("invoice_kysely").values({ customer: "bob", number: 1 }).execute();
    }
  });
  // #endregion
});

const bob = db.selectFrom("invoice_kysely").selectAll().where("customer", "=", "bob");
if ((await bob.execute()).length !== 1) throw new Error("the transaction did not survive a busy lock");
await db.destroy();
