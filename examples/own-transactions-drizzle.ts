import { eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { integer, pgTable, text } from "drizzle-orm/pg-core";
import { Pool } from "pg";
import { ConflictError } from "holdfast";
import { compareAndSet, type SqlExecutor } from "holdfast/sql";

const pool = new Pool({ connectionString: process.env["POSTGRES_URL"] });
const db = drizzle(pool);
await pool.query("CREATE TABLE contact (id int PRIMARY KEY, phone text, version int NOT NULL)");
const contacts = pgTable("contact", {
  id: integer().primaryKey(),
  phone: text(),
  version: integer().notNull(),
});
await db.insert(contacts).values({ id: 1, phone: "1234", version: 1 });

// #region executor
const holdfast = (tx: Pick<typeof db, "execute">): SqlExecutor => ({
  dialect: "postgres",
  query(text, values) {
    const between = text.split(/\$\d+/).map((part) => sql.raw(part));
    const chunks = between.flatMap((part, at) => (at === 0 ? [part] : [sql.param(values[at - 1]), part]));
    return tx.execute(sql.join(chunks));
  },
});
// #endregion

// #region compare
type Contact = typeof contacts.$inferSelect;

const save = (seen: Contact, phone: string): Promise<Contact> =>
  db.transaction((tx) =>
    compareAndSet<Contact>(
      holdfast(tx),
      { table: "contact", key: { id: seen.id }, revision: seen.version, revisionColumn: "version" },
      { phone },
    ),
  );
// #endregion

const [seen] = await db.select().from(contacts).where(eq(contacts.id, 1));
const saved = await save(seen!, "5678");
const refused = await save(seen!, "0000").catch((error: unknown) => error);
if (!(refused instanceof ConflictError)) throw new Error("a lost update");
if (saved.version !== 2 || refused.theirs?.revision !== "2") throw new Error("another revision was expected");
console.log(refused.message);
await pool.end();
