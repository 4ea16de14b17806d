import { Pool } from "pg";
import { IDLE_MEMORY_MS, type Backend } from "holdfast/backend";
import { postgres } from "holdfast/postgres";
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
  url = server.url,
  listenUrl?: string,
): Environment {
  let now = Date.now();
  const pool = poolOf(url);
  return {
    backend: (): Backend =>
      postgres(pool, { now: () => now, ...(listenUrl === undefined ? {} : { listenUrl }) }),
    advance: (ms) => void (now += ms),
    async cleanUp() {
      now += 2 * IDLE_MEMORY_MS;
      await server.query("SELECT holdfast.sweep($1, 1000000)", [now]);
    },
    async restart() {
      await server.restart();
      // No server restarts in no time.
      now += 100;
    },
    async footprint() {
      const [row] = await server.query(
        `SELECT (SELECT count(*) FROM holdfast.space) + (SELECT count(*) FROM holdfast.record) +
           (SELECT coalesce(sum(1 + cardinality(places) + cardinality(ended) + cardinality(revocations)), 0)
            FROM holdfast.lock) AS size`,
      );
      return Number(row?.["size"]);
    },
    close: () => pool.end(),
  };
}
