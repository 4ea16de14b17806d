import { createPool, type RowDataPacket } from "mysql2/promise";
import { lockInTransaction, retrying, sqlMigration } from "holdfast/sql";

const pool = createPool({ uri: process.env["MYSQL_URL"]!, connectionLimit: 4 });
await pool.query("CREATE TABLE seat (flight varchar(10), number int, passenger varchar(40))");

// #region lock
for (const statement of sqlMigration("mysql")) await pool.query(statement); // once, with your own migrations

const book = (flight: string, passenger: string): Promise<number> =>
  retrying(async (attempt) => {
    const connection = await pool.getConnection();
    const work = attempt.body(async () => {
      await connection.beginTransaction();
      await lockInTransaction(connection, `seats of ${flight}`);
      const [rows] = await connection.query<RowDataPacket[]>(
        "SELECT count(*) AS taken FROM seat WHERE flight = ?",
        [flight],
      );
      const number = Number(rows[0]?.["taken"]) + 1;
      await connection.query("INSERT INTO seat VALUES (?, ?, ?)", [flight, number, passenger]);
      return number;
    });
    try {
      const number = await work();
      await connection.commit();
      return number;
    } catch (error) {
      await connection.rollback().catch(() => connection.destroy());
      throw error;
    } finally {
      connection.release();
    }
  });
// #endregion

const seats = await Promise.all(["ann", "bob", "cem", "dan", "eve"].map((name) => book("HF1", name)));
if (new Set(seats).size !== 5) throw new Error(`a seat was given twice: ${seats.join()}`);
console.log(`seats ${seats.join()}`);
await pool.end();
