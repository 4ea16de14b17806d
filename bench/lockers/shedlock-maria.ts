import { hostname } from "node:os";
import { createPool, type ResultSetHeader } from "mysql2/promise";
import type { Locker, Opening } from "./locker.ts";
import { pollUntilTaken } from "./poll.ts";

const TABLE = `
  CREATE TABLE IF NOT EXISTS shedlock (name varchar(64) PRIMARY KEY, lock_until timestamp(3) NOT NULL,
    locked_at timestamp(3) NOT NULL, locked_by varchar(255) NOT NULL)`;
// What ShedLock's JDBC provider sends with the database's time.
const INSERT = `
  INSERT IGNORE INTO shedlock (name, lock_until, locked_at, locked_by)
  VALUES (?, TIMESTAMPADD(MICROSECOND, ?, UTC_TIMESTAMP(3)), UTC_TIMESTAMP(3), ?)`;
const UPDATE = `
  UPDATE shedlock SET lock_until = TIMESTAMPADD(MICROSECOND, ?, UTC_TIMESTAMP(3)),
    locked_at = UTC_TIMESTAMP(3), locked_by = ? WHERE name = ? AND lock_until <= UTC_TIMESTAMP(3)`;
const UNLOCK = "UPDATE shedlock SET lock_until = UTC_TIMESTAMP(3) WHERE name = ? AND locked_by = ?";

/** ShedLock's statements by hand: it never waits, so waiting is polling. */
export async function open({ mysqlUrl, ttlMs, variant, index }: Opening): Promise<Locker> {
  const pool = createPool(mysqlUrl);
  await pool.query(TABLE);
  const known = new Set<string>();
  let count = 0;
  return {
    async lock(name) {
      const owner = `${hostname()}-${index}-${count++}`;
      const change = async (text: string, values: (string | number)[]): Promise<boolean> =>
        (await pool.execute<ResultSetHeader>(text, values))[0].affectedRows === 1;
      await pollUntilTaken(variant, async () => {
        if (!known.has(name)) {
          known.add(name);
          if (await change(INSERT, [name, ttlMs * 1_000, owner])) return true;
        }
        return change(UPDATE, [ttlMs * 1_000, owner, name]);
      });
      return () => pool.execute(UNLOCK, [name, owner]);
    },
  };
}
