import { join } from "node:path";
import { connect } from "holdfast";
import type { Locker, Opening } from "./locker.ts";

export async function open({ directory, ttlMs }: Opening): Promise<Locker> {
  const hf = await connect(`sqlite:${join(directory, "holdfast.db")}`, { ttlMs });
  return {
    async lock(name) {
      const lease = await hf.mutex(name).lock();
      return () => lease.release();
    },
  };
}
