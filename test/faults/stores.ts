import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freezeSqlite } from "./freeze-sqlite.ts";

/** A real store that can be frozen: reachable, but answering nobody. */
export interface FaultyStore {
  readonly url: string;
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  stop(): Promise<void>;
}

export interface StoreKind {
  readonly name: string;
  start(): Promise<FaultyStore>;
}

export const sqliteStore: StoreKind = {
  name: "sqlite",
  async start() {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-faults-"));
    const file = join(folder, "store.db");
    let thaw: (() => Promise<void>) | undefined;
    return {
      url: `sqlite:${file}`,
      async freeze() {
        thaw = await freezeSqlite(file);
      },
      async thaw() {
        await thaw?.();
        thaw = undefined;
      },
      async stop() {
        await thaw?.();
        await rm(folder, { recursive: true, force: true });
      },
    };
  },
};

export const storeKinds: readonly StoreKind[] = [sqliteStore];
