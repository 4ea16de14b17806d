import type { Keys } from "./keys.ts";
import { crc16 } from "./slot.ts";

/**
 * In a cluster a collection is spread over so many slots; elsewhere one step may touch any keys.
 */
const CLUSTER_BUCKETS = 16;

/** What the keys of collections begin with. The keys themselves are listed in write-lua.ts. */
export class Buckets {
  readonly #keys: Keys;
  readonly isCluster: boolean;

  constructor(keys: Keys, isCluster: boolean) {
    this.#keys = keys;
    this.isCluster = isCluster;
  }

  /** The bucket that a record is in. */
  of(collection: string, key: string): string {
    return this.#keys.bucket(collection, this.isCluster ? crc16(key) % CLUSTER_BUCKETS : 0);
  }

  all(collection: string): readonly string[] {
    const count = this.isCluster ? CLUSTER_BUCKETS : 1;
    return Array.from({ length: count }, (_, bucket) => this.#keys.bucket(collection, bucket));
  }
}

export const recordKey = (bucket: string, key: string): string => `${bucket}v:${key}`;
