import { LockFactory } from "@verrou/core";
import { kyselyStore } from "@verrou/core/drivers/kysely";
import { Kysely, PostgresDialect } from "kysely";
import { Pool } from "pg";
import { TIGHT_POLL_MS, type Locker, type Opening } from "./locker.ts";
import { createOnce } from "./pg-client.ts";

export async function open({ postgresUrl, ttlMs, variant }: Opening): Promise<Locker> {
  const pool = new Pool({ connectionString: postgresUrl });
  const connection = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  // By itself each process makes it on first use, and of several at once all but one fail.
  const columns = "key varchar(255) PRIMARY KEY, owner varchar(255) NOT NULL, expiration bigint";
  await createOnce(pool as never, `CREATE TABLE IF NOT EXISTS verrou (${columns})`);
  const factory = new LockFactory(
    kyselyStore({ connection: connection as never, autoCreateTable: false }).factory(),
    variant === "tight" ? { retry: { delay: TIGHT_POLL_MS } } : {},
  );
  return {
    async lock(name) {
      const lock = factory.createLock(name, ttlMs);
      await lock.acquire();
      return () => lock.release();
    },
  };
}
