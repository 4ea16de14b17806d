import type { Locker, Opening } from "./locker.ts";
import { createOnce, pgClient } from "./pg-client.ts";

const COLUMNS = `
  (name text PRIMARY KEY, owner text, token bigint NOT NULL, expires timestamptz NOT NULL)
  WITH (fillfactor = 50)`;
const CLAIM = `
  INSERT INTO lease AS l (name, owner, token, expires)
  VALUES ($1, $2, 1, now() + $3 * interval '1 millisecond')
  ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, token = l.token + 1, expires = excluded.expires
  WHERE l.owner IS NULL OR l.expires <= now()
  RETURNING token`;
const RELEASE = "UPDATE lease SET owner = NULL WHERE name = $1 AND owner = $2";

/**
 * The floor of a lease on PostgreSQL: one prepared statement and one commit each way, on one connection. A
 * fencing token, but no queue, no waiting, no wake-up.
 */
export async function open({ postgresUrl, ttlMs, index, variant }: Opening): Promise<Locker> {
  const client = await pgClient(postgresUrl);
  if (variant === "async") await client.query("SET synchronous_commit = off");
  const kind = variant === "unlogged" ? "UNLOGGED TABLE" : "TABLE";
  await createOnce(client, `CREATE ${kind} IF NOT EXISTS lease ${COLUMNS}`);
  let count = 0;
  return {
    async lock(name) {
      const owner = `${index}-${count++}`;
      const { rows } = await client.query({ name: "claim", text: CLAIM, values: [name, owner, ttlMs] });
      if (rows.length === 0) throw new Error(`the raw floor cannot wait, and "${name}" is taken`);
      return () => client.query({ name: "release", text: RELEASE, values: [name, owner] });
    },
  };
}
