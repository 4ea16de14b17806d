import { Mutex } from "async-mutex";
import type { Locker } from "./locker.ts";

/** One process, no lease, no token: the yardstick for the memory backend. */
export async function open(): Promise<Locker> {
  const mutexes = new Map<string, Mutex>();
  return {
    lock(name) {
      let mutex = mutexes.get(name);
      if (!mutex) mutexes.set(name, (mutex = new Mutex()));
      return mutex.acquire();
    },
  };
}
