import { createPool, type Pool } from "mysql2/promise";
import { IDLE_MEMORY_MS, type Backend } from "holdfast/backend";
import { mysql } from "holdfast/mysql";
import type { Environment } from "holdfast/testkit";
import type { MysqlServer } from "./mysql.ts";

/** A pool of this process. */
export const poolOf = (uri: string, connectionLimit = 4): Pool => createPool({ uri, connectionLimit });

/** A real server on the kit's own clock. */
export function mysqlEnvironment(server: MysqlServer): Environment {
  let now = Date.now();
  const pool = poolOf(server.url);
  return {
    backend: (): Backend => mysql(pool, { now: () => now }),
    advance: (ms) => void (now += ms),
    async cleanUp() {
      now += 2 * IDLE_MEMORY_MS;
      await server.query("CALL holdfast_sweep_2(?, 1000000)", [now]);
    },
    async restart() {
      await server.restart();
      // No server restarts in no time.
      now += 100;
    },
    async footprint() {
      const [row] = await server.query(
        `SELECT (SELECT COUNT(*) FROM holdfast_space) + (SELECT COUNT(*) FROM holdfast_record) +
           (SELECT COUNT(*) + COALESCE(SUM(LENGTH(held) + LENGTH(queue) + LENGTH(ended)
             + LENGTH(revocations)) DIV 100, 0) FROM holdfast_lock) AS size`,
      );
      return Number(row?.["size"]);
    },
    close: () => pool.end(),
  };
}
