import type { Locker } from "./locker.ts";

/** Excludes nobody. Shows that the overlap check can fail: `--only 2d --contestants "no lock"`. */
export async function open(): Promise<Locker> {
  return {
    lock: () => new Promise((resolve) => setImmediate(() => resolve(() => {}))),
  };
}
