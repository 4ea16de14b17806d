import { Pool, type PoolClient } from "pg";
import { ConflictError, connect, StaleTokenError } from "holdfast";
import { compareAndSet, fence, retrying, sqlMigration } from "holdfast/sql";

interface Deal {
  readonly id: number;
  readonly stage: string;
  readonly calls: number;
  readonly revision: number;
}

const pool = new Pool({ connectionString: process.env["POSTGRES_URL"] });

// #region table
await pool.query("CREATE TABLE deal_pg (id int PRIMARY KEY, stage text, calls int, revision int NOT NULL)");
await pool.query("INSERT INTO deal_pg VALUES (7, 'new', 0, 1)");
for (const statement of sqlMigration("postgres")) await pool.query(statement);
// #endregion

// #region compare
const read = async (): Promise<Deal> => (await pool.query("SELECT * FROM deal_pg WHERE id = 7")).rows[0];
const [ann, bob] = [await read(), await read()]; // both open the same form
const at = ({ revision }: Deal) => ({ table: "deal_pg", key: { id: 7 }, revision });

// In a transaction pass its client; alone, the pool will do.
const won = await compareAndSet<Deal>(pool, at(ann), { stage: "won" });
console.log(won.revision); // 2

try {
  await compareAndSet(pool, at(bob), { stage: "lost" });
} catch (error) {
  if (!(error instanceof ConflictError)) throw error;
  console.log(error.fields, error.theirs?.value); // [ 'stage' ], and the row as ann left it
}
// #endregion

// #region transaction
/** BEGIN, the work, COMMIT: "pg" leaves this to you. */
async function transaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN ISOLATION LEVEL SERIALIZABLE");
    const result = await work(client);
    const { command } = await client.query("COMMIT");
    // An error that somebody swallowed has ended the transaction, and COMMIT says so without failing.
    if (command === "ROLLBACK") throw Object.assign(new Error("rolled back"), { code: "40000" });
    client.release();
    return result;
  } catch (error) {
    await client.query("ROLLBACK").then(() => client.release(), () => client.release(true));
    throw error;
  }
}
// #endregion

// #region retrying
const called = (): Promise<Deal> =>
  retrying((attempt) =>
    transaction(
      attempt.body(async (client) => {
        const deal: Deal = (await client.query("SELECT * FROM deal_pg WHERE id = 7")).rows[0];
        return compareAndSet<Deal>(client, at(deal), { calls: deal.calls + 1 });
      }),
    ),
  );
// #endregion
await Promise.all([called(), called(), called()]);
if ((await read()).calls !== 3) throw new Error("a call was lost");

// #region fence
const hf = await connect("memory:"); // the lock may live anywhere: redis://…, zookeeper://…
const lease = await hf.mutex("deal:7").lock();
const write = (token: bigint, stage: string): Promise<unknown> =>
  transaction(async (client) => {
    await fence(client, "deal:7", token);
    await client.query("UPDATE deal_pg SET stage = $1, revision = revision + 1 WHERE id = 7", [stage]);
  });
await write(lease.token, "signed");
// #endregion

await lease.release();
const later = await hf.mutex("deal:7").lock();
await write(later.token, "paid");
const stale = await write(lease.token, "late").catch((error: unknown) => error);
if (!(stale instanceof StaleTokenError)) throw new Error("a stale holder wrote");
if ((await read()).stage !== "paid") throw new Error("what was fenced was overwritten");
await later.release();
await hf.close();
await pool.end();
