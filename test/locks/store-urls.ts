import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface StartedStore {
  readonly url: string;
  stop(): Promise<void>;
}

export interface StoreUrl {
  readonly name: string;
  start(): Promise<StartedStore>;
}

const memoryUrl: StoreUrl = {
  name: "memory",
  start: async () => ({ url: "memory:api", stop: async () => undefined }),
};

const sqliteUrl: StoreUrl = {
  name: "sqlite",
  async start() {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-api-"));
    return {
      url: `sqlite:${join(folder, "store.db")}`,
      stop: () => rm(folder, { recursive: true, force: true }),
    };
  },
};

export const storeUrls: readonly StoreUrl[] = [memoryUrl, sqliteUrl];
