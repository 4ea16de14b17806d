import { createConnection, type ResultSetHeader } from "mysql2/promise";
import type { Locker, Opening } from "./locker.ts";

const TABLE = `
  CREATE TABLE IF NOT EXISTS lease (name varchar(190) PRIMARY KEY, owner varchar(64), token bigint NOT NULL,
    expires datetime(3) NOT NULL)`;
// One statement: whether it has it now is what the row says after it; the floor has nobody to wait for.
const CLAIM = `
  INSERT INTO lease (name, owner, token, expires) VALUES (?, ?, 1, now(3) + interval ? microsecond)
  ON DUPLICATE KEY UPDATE
    token = IF(owner IS NULL OR expires <= now(3), token + 1, token),
    expires = IF(owner IS NULL OR expires <= now(3), VALUES(expires), expires),
    owner = IF(owner IS NULL OR expires <= now(3), VALUES(owner), owner)`;
const RELEASE = "UPDATE lease SET owner = NULL WHERE name = ? AND owner = ?";

/** The floor of a lease on MariaDB: one prepared statement and one commit each way. */
async function lease({ mysqlUrl, ttlMs, index }: Opening): Promise<Locker> {
  const connection = await createConnection(mysqlUrl);
  await connection.query(TABLE);
  let count = 0;
  return {
    async lock(name) {
      const owner = `${index}-${count++}`;
      const values = [name, owner, ttlMs * 1_000];
      const [{ affectedRows }] = await connection.execute<ResultSetHeader>(CLAIM, values);
      if (affectedRows === 0) throw new Error(`the raw floor cannot wait, and "${name}" is taken`);
      return () => connection.execute(RELEASE, [name, owner]);
    },
  };
}

/** MariaDB's own lock, which lasts as long as the session. */
async function getLock({ mysqlUrl }: Opening): Promise<Locker> {
  const idle = [await createConnection(mysqlUrl)];
  return {
    async lock(name) {
      const connection = idle.pop() ?? (await createConnection(mysqlUrl));
      await connection.execute("SELECT GET_LOCK(?, 3600)", [name]);
      return async () => {
        await connection.execute("SELECT RELEASE_LOCK(?)", [name]);
        idle.push(connection);
      };
    },
  };
}

export function open(opening: Opening): Promise<Locker> {
  return opening.variant === "GET_LOCK" ? getLock(opening) : lease(opening);
}
