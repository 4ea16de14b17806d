import { Pool } from "pg";
import { hostname } from "node:os";
import type { Locker, Opening } from "./locker.ts";
import { createOnce } from "./pg-client.ts";
import { pollUntilTaken } from "./poll.ts";

// What ShedLock's JDBC provider sends with the database's time: update, and insert where that found nothing.
const INSERT = `
  INSERT INTO shedlock (name, lock_until, locked_at, locked_by)
  VALUES ($1, timezone('utc', CURRENT_TIMESTAMP) + cast($2 || ' milliseconds' AS interval),
    timezone('utc', CURRENT_TIMESTAMP), $3)
  ON CONFLICT (name) DO UPDATE SET lock_until = excluded.lock_until, locked_at = excluded.locked_at,
    locked_by = excluded.locked_by
  WHERE shedlock.lock_until <= timezone('utc', CURRENT_TIMESTAMP)`;
const UNLOCK = `
  UPDATE shedlock SET lock_until = timezone('utc', CURRENT_TIMESTAMP) WHERE name = $1 AND locked_by = $2`;
const TABLE = `
  CREATE TABLE IF NOT EXISTS shedlock (name varchar(64) PRIMARY KEY, lock_until timestamp NOT NULL,
    locked_at timestamp NOT NULL, locked_by varchar(255) NOT NULL)`;

/** ShedLock's statements by hand: it never waits, so waiting is polling. */
export async function open({ postgresUrl, ttlMs, variant, index }: Opening): Promise<Locker> {
  const pool = new Pool({ connectionString: postgresUrl });
  await createOnce(pool as never, TABLE);
  let count = 0;
  return {
    async lock(name) {
      const owner = `${hostname()}-${index}-${count++}`;
      await pollUntilTaken(variant, async () => {
        const claim = { name: "claim", text: INSERT, values: [name, String(ttlMs), owner] };
        return (await pool.query(claim)).rowCount === 1;
      });
      return () => pool.query({ name: "unlock", text: UNLOCK, values: [name, owner] });
    },
  };
}
