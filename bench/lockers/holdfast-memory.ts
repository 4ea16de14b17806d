import { connect } from "holdfast";
import type { Locker, Opening } from "./locker.ts";

export async function open({ ttlMs }: Opening): Promise<Locker> {
  const hf = await connect("memory:", { ttlMs });
  return {
    async lock(name) {
      const lease = await hf.mutex(name).lock();
      return () => lease.release();
    },
  };
}
