import { connect } from "holdfast";
import { HOST, type Locker, type Opening } from "./locker.ts";

export async function open({ redisPort, ttlMs, variant }: Opening): Promise<Locker> {
  const hf = await connect(`redis://${HOST}:${redisPort}`, {
    namespace: "bench",
    ttlMs,
    ...(variant === "strict" ? { fair: "strict" as const } : {}),
  });
  return {
    async lock(name) {
      const lease = await hf.mutex(name).lock();
      return () => lease.release();
    },
  };
}
