import { connect } from "holdfast";
import type { Locker, Opening } from "./locker.ts";

/** On PostgreSQL, or on MariaDB where the variant says so. */
export async function open({ postgresUrl, mysqlUrl, ttlMs, variant }: Opening): Promise<Locker> {
  const relaxed = `${postgresUrl}?schema=relaxed&durability=relaxed`;
  const url = variant === "MariaDB" ? mysqlUrl : variant === "relaxed" ? relaxed : postgresUrl;
  const hf = await connect(url, { namespace: "bench", ttlMs });
  return {
    async lock(name) {
      const lease = await hf.mutex(name).lock();
      return () => lease.release();
    },
  };
}
