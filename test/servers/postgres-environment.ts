import { Pool } from "pg";
import { IDLE_MEMORY_MS, type Backend } from "holdfast/backend";
import { postgres, type PostgresOptions } from "holdfast/postgres";
import type { Environment } from "holdfast/testkit";
import type { PostgresServer } from "./postgres.ts";

/** A pool of this process, whose idle connections may break. */
export function poolOf(connectionString: string, max = 4): Pool {
  const pool = new Pool({ connectionString, max, allowExitOnIdle: true });
  pool.on("error", () => undefined);
  return pool;
}

/** A real server on the kit's own clock. `url`: where the pool goes, if not to the server. */
export function postgresEnvironment(
  server: PostgresServer,
  { url = server.url, ...options }: PostgresOptions & { readonly url?: string } = {},
): Environment {
  let now = Date.now();
  const { schema = "holdfast" } = options;
  const pool = poolOf(url);
  return {
    backend: (): Backend => postgres(pool, { now: () => now, ...options }),
    advance: (ms) => void (now += ms),
    async cleanUp() {
      now += 2 * IDLE_MEMORY_MS;
      await server.query(`SELECT ${schema}.sweep($1, 1000000)`, [now]);
    },
    async restart() {
      await server.restart();
      // No server restarts in no time.
      now += 100;
    },
    async footprint() {
      const [row] = await server.query(
        `SELECT (SELECT count(*) FROM ${schema}.space) + (SELECT count(*) FROM ${schema}.record) +
           (SELECT coalesce(sum(1 + cardinality(places) + cardinality(ended) + cardinality(revocations)), 0)
            FROM ${schema}.lock) AS size`,
      );
      return Number(row?.["size"]);
    },
    close: () => pool.end(),
  };
}
