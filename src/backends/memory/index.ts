import type { Backend, Guarantees, Reply, Session } from "../../backend.ts";
import { systemClock } from "../../clock.ts";
import type { Collection } from "./collection.ts";
import { changes, feedEnd, prune } from "./feed.ts";
import { MemoryLocks } from "./locks.ts";
import { MemoryRecords } from "./records.ts";

const GUARANTEES: Guarantees = Object.freeze({
  clock: "host",
  leases: "volatile",
  fencing: "grant",
  writes: "any",
  feed: "total",
  failover: "One process: when it ends, every lease ends with it, and so do the records.",
});

export interface MemoryOptions {
  /** The store's clock, ms since 1970. Default: this machine's. */
  readonly wall?: () => number;
}

/**
 * The state that memory backends share: the "server" of this backend, and the reference of the contract. All
 * coordinators whose backends were made from one store contend with each other.
 */
export class MemoryStore {
  readonly locks: MemoryLocks;
  readonly records: MemoryRecords;
  /** The store's clock. */
  readonly now: () => number;

  constructor({ wall = systemClock.wall }: MemoryOptions = {}) {
    this.now = wall;
    this.locks = new MemoryLocks(wall);
    this.records = new MemoryRecords(wall, (namespace, fence) => this.locks.isOvertaken(namespace, fence));
  }
}

/** A backend on this process's memory. Give the same store to all coordinators that are to contend. */
export function memory(store: MemoryStore = new MemoryStore()): Backend {
  const { locks, records } = store;
  let session: Session | undefined;
  const opened = (): Session => {
    if (session === undefined) throw new Error("open() comes first");
    return session;
  };
  const kept = (collection: string): Collection => records.collection(opened().namespace, collection);
  const each = async <Request, Result>(
    requests: readonly Request[],
    step: (session: Session, request: Request) => Result,
  ): Promise<Reply<Result>> => {
    const results = requests.map((request) => step.call(locks, opened(), request));
    return { now: store.now(), results };
  };
  return {
    name: "memory",
    guarantees: GUARANTEES,
    async open(given) {
      session = given;
      locks.attach(given);
    },
    admit: (requests) => each(requests, locks.admit),
    renew: (requests) => each(requests, locks.renew),
    release: (requests) => each(requests, locks.release),
    revoke: async (request) => locks.revoke(opened(), request),
    inspect: async (resource) => locks.inspect(opened().namespace, resource),
    list: async (page) => locks.list(opened().namespace, page),
    read: async (collection, key) => records.read(opened().namespace, collection, key),
    write: async (writes) => records.write(opened().namespace, writes),
    scan: async (collection, page) => records.scan(opened().namespace, collection, page),
    find: async (collection, page) => records.find(opened().namespace, collection, page),
    history: async (collection, key, page) => records.history(opened().namespace, collection, key, page),
    version: async (collection, key, revision) =>
      records.version(opened().namespace, collection, key, revision),
    changes: async (collection, after, limit) => changes(kept(collection), after, limit),
    feedEnd: async (collection) => feedEnd(kept(collection)),
    watch(collection, changed) {
      const { watchers } = kept(collection);
      const watcher = (): void => changed();
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
    prune: async (request) => prune(kept(request.collection), request),
    time: async () => store.now(),
    async close() {
      if (session !== undefined) locks.detach(session.processId);
    },
  };
}

const named = new Map<string, MemoryStore>();

/** A backend on a store that all who name the same URL in this process share: `memory:` or `memory:name`. */
export function memoryFromUrl(url: string): Backend {
  const store = named.get(url) ?? new MemoryStore();
  named.set(url, store);
  return memory(store);
}
