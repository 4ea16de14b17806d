import {
  FORGOTTEN_MAX,
  IDLE_MEMORY_MS,
  REVOCATIONS_MAX,
  type Admission,
  type AdmitRequest,
  type Backend,
  type Guarantees,
  type Inspection,
  type Listener,
  type Owner,
  type Page,
  type Place,
  type Release,
  type ReleaseRequest,
  type Renewal,
  type RenewRequest,
  type Reply,
  type Revocation,
  type RevokeRequest,
  type Session,
  type StoredRecord,
  type Write,
  type WriteOutcome,
} from "../backend.ts";
import { systemClock } from "../clock.ts";

/** A place as it is kept. `token` 0: still waiting. */
interface Kept {
  readonly leaseId: string;
  readonly owner: Owner;
  readonly permits: number;
  readonly claimMs: number;
  token: number;
  since: number;
  expiresAt: number;
}

interface Resource {
  capacity: number;
  /** Highest token ever minted. */
  last: number;
  places: Kept[];
  /** Ids of places that ended, oldest first, and whether it was by their release. */
  ended: { readonly leaseId: string; readonly released: boolean }[];
  revocations: Revocation[];
  idleSince: number;
}

interface KeptRecord {
  /** Null: deleted. What follows outlives the value. */
  value: string | null;
  revision: string;
  updatedAt: number;
  author: string | null;
  opId: string;
  /** Highest token seen per lock. */
  fences: Map<string, bigint>;
}

const GUARANTEES: Guarantees = Object.freeze({
  clock: "host",
  leases: "volatile",
  fencing: "grant",
  writes: "any",
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
  readonly #wall: () => number;
  readonly #resources = new Map<string, Resource>();
  readonly #collections = new Map<string, Map<string, KeptRecord>>();
  readonly #listeners = new Map<string, Listener>();
  #revisions = 0;

  constructor(options: MemoryOptions = {}) {
    this.#wall = options.wall ?? systemClock.wall;
  }

  now(): number {
    return this.#wall();
  }

  /** What is kept of locks: resources, their places, and what is remembered of places that ended. */
  get size(): number {
    let size = 0;
    for (const { places, ended, revocations } of this.#resources.values()) {
      size += 1 + places.length + ended.length + revocations.length;
    }
    return size;
  }

  attach(session: Session): void {
    this.#listeners.set(session.processId, session.listener);
  }

  detach(processId: string): void {
    this.#listeners.delete(processId);
  }

  admit(session: Session, request: AdmitRequest): Admission {
    const { resource, leaseId, permits, capacity, ttlMs } = request;
    const now = this.now();
    const kept = this.#touch(session.namespace, resource, now);

    const mine = kept.places.find((place) => place.leaseId === leaseId);
    if (mine !== undefined) {
      if (mine.token === 0) mine.expiresAt = now + session.patienceMs;
      return this.#answer(kept, mine);
    }
    if (kept.ended.some((ended) => ended.leaseId === leaseId)) return { kind: "gone" };
    if (kept.places.length > 0 && kept.capacity !== capacity) {
      return { kind: "mismatch", capacity: kept.capacity };
    }

    if (request.steal === true) this.#end(kept, resource, "stolen", (place) => place.token !== 0);
    const place: Kept = {
      leaseId,
      owner: session.owner,
      permits,
      claimMs: session.claimMs,
      token: 0,
      since: now,
      expiresAt: now + session.patienceMs,
    };
    kept.capacity = capacity;
    const inFront = request.steal === true ? [] : kept.places;
    const fits = permitsOf(inFront) + permits <= capacity;
    if (!fits && !request.wait) {
      return { kind: "busy", ahead: kept.places.length, lookAt: earliestExpiry(kept.places) };
    }
    if (request.steal === true) kept.places.unshift(place);
    else kept.places.push(place);
    if (fits) mint(kept, place, now, ttlMs);
    else this.#tellContended(kept, resource, place);
    this.#handOver(kept, resource, now);
    return this.#answer(kept, place);
  }

  renew(session: Session, { resource, leaseId, ttlMs }: RenewRequest): Renewal {
    const now = this.now();
    const kept = this.#touch(session.namespace, resource, now);
    const place = kept.places.find((each) => each.leaseId === leaseId);
    if (place === undefined || place.token === 0) return { kind: "gone" };
    place.expiresAt = now + ttlMs;
    return { kind: "renewed", expiresAt: place.expiresAt, waiting: strangersWaiting(kept, place) };
  }

  release(session: Session, { resource, leaseId }: ReleaseRequest): Release {
    const now = this.now();
    const kept = this.#touch(session.namespace, resource, now);
    const at = kept.places.findIndex((place) => place.leaseId === leaseId);
    if (at >= 0) {
      kept.places.splice(at, 1);
      kept.idleSince = now;
      forget(kept, leaseId, true);
      this.#handOver(kept, resource, now);
      return { kind: "released" };
    }
    const ended = kept.ended.find((each) => each.leaseId === leaseId);
    if (ended === undefined) forget(kept, leaseId, false);
    return { kind: ended?.released === true ? "released" : "gone" };
  }

  revoke(session: Session, request: RevokeRequest): readonly Place[] {
    const { resource } = request;
    const now = this.now();
    const kept = this.#touch(session.namespace, resource, now);
    const revoked = this.#end(
      kept,
      resource,
      "revoked",
      (place) => place.token !== 0 && (request.leaseId ?? place.leaseId) === place.leaseId,
    );
    if (revoked.length > 0) {
      kept.last = nextToken(kept.last, now);
      kept.revocations.push({
        at: now,
        reason: request.reason,
        by: request.by,
        tokens: revoked.map((place) => place.token),
      });
      if (kept.revocations.length > REVOCATIONS_MAX) kept.revocations.shift();
    }
    this.#handOver(kept, resource, now);
    kept.idleSince = now;
    return revoked.map(shown);
  }

  inspect(namespace: string, resource: string): Inspection {
    const now = this.now();
    const kept = this.#resources.get(path(namespace, resource));
    const places = (kept?.places ?? []).filter((place) => place.expiresAt > now);
    return {
      resource,
      now,
      capacity: places.length === 0 ? null : (kept?.capacity ?? null),
      places: places.map(shown),
      revocations: [...(kept?.revocations ?? [])],
    };
  }

  list(namespace: string, page: Page): readonly Inspection[] {
    const names: string[] = [];
    for (const key of this.#resources.keys()) {
      if (key.startsWith(path(namespace, ""))) names.push(key.slice(path(namespace, "").length));
    }
    const found: Inspection[] = [];
    for (const name of pageOf(names, page)) {
      if (found.length === page.limit) break;
      const inspection = this.inspect(namespace, name);
      if (inspection.places.length > 0) found.push(inspection);
    }
    return found;
  }

  read(namespace: string, collection: string, key: string): StoredRecord | null {
    return record(key, this.#collection(namespace, collection).get(key));
  }

  scan(namespace: string, collection: string, page: Page): readonly StoredRecord[] {
    const records = this.#collection(namespace, collection);
    const found: StoredRecord[] = [];
    for (const key of pageOf([...records.keys()], page)) {
      if (found.length === page.limit) break;
      const live = record(key, records.get(key));
      if (live !== null) found.push(live);
    }
    return found;
  }

  write(namespace: string, writes: readonly Write[]): WriteOutcome {
    const now = this.now();
    const heads = writes.map(({ collection, key }) => this.#collection(namespace, collection).get(key));
    for (const [index, write] of writes.entries()) {
      const head = heads[index];
      if (head?.opId === write.opId) continue;
      if (write.fence !== undefined && this.#isStale(namespace, write, head)) return { kind: "stale", index };
      const current = record(write.key, head);
      if (write.ifRevision !== undefined && write.ifRevision !== (current?.revision ?? null)) {
        return { kind: "conflict", index, current };
      }
    }
    const records = writes.map((write, index): StoredRecord | null => {
      const head = heads[index];
      if (head?.opId === write.opId) return record(write.key, head);
      if (head === undefined && write.value === null) return null;
      const fences = head?.fences ?? new Map<string, bigint>();
      if (write.fence !== undefined && !write.fence.shared) {
        fences.set(write.fence.resource, write.fence.token);
      }
      const kept: KeptRecord = {
        value: write.value,
        revision: String(++this.#revisions),
        updatedAt: now,
        author: write.author ?? null,
        opId: write.opId,
        fences,
      };
      this.#collection(namespace, write.collection).set(write.key, kept);
      return record(write.key, kept);
    });
    return { kind: "written", records };
  }

  /** Clears what has expired and hands over; forgets idle resources on the way. */
  #touch(namespace: string, resource: string, now: number): Resource {
    const key = path(namespace, resource);
    let kept = this.#resources.get(key);
    if (kept === undefined) {
      this.#sweep(now);
      kept = { capacity: 0, last: 0, places: [], ended: [], revocations: [], idleSince: now };
      this.#resources.set(key, kept);
      return kept;
    }
    if (kept.places.some((place) => place.expiresAt <= now)) {
      for (const place of kept.places) if (place.expiresAt <= now) forget(kept, place.leaseId, false);
      kept.places = kept.places.filter((place) => place.expiresAt > now);
      kept.idleSince = now;
      this.#handOver(kept, resource, now);
    }
    return kept;
  }

  /** Looks at two resources for each new one, so that idle ones leave without a timer of their own. */
  #sweep(now: number): void {
    let looked = 0;
    for (const [key, kept] of this.#resources) {
      if (++looked > 2) return;
      this.#resources.delete(key);
      const inUse = kept.places.some((place) => place.expiresAt > now);
      if (inUse || now < kept.idleSince + IDLE_MEMORY_MS) this.#resources.set(key, kept);
    }
  }

  #end(
    kept: Resource,
    resource: string,
    reason: "revoked" | "stolen",
    chosen: (place: Kept) => boolean,
  ): readonly Kept[] {
    const ended = kept.places.filter(chosen);
    kept.places = kept.places.filter((place) => !ended.includes(place));
    for (const place of ended) {
      forget(kept, place.leaseId, false);
      this.#tell(place.leaseId, (listener) => listener.revoked(resource, place.leaseId, reason));
    }
    return ended;
  }

  /** The one rule. */
  #handOver(kept: Resource, resource: string, now: number): void {
    const granted: Kept[] = [];
    let ahead = 0;
    let next: Kept | undefined;
    for (const place of kept.places) {
      ahead += place.permits;
      if (place.token !== 0) continue;
      if (ahead > kept.capacity) {
        next = place;
        break;
      }
      mint(kept, place, now, place.claimMs);
      granted.push(place);
    }
    for (const place of granted) {
      const { leaseId, token, expiresAt } = place;
      const grant = { token, expiresAt, waiting: strangersWaiting(kept, place) };
      this.#tell(leaseId, (listener) => listener.granted(resource, leaseId, grant));
    }
    if (next === undefined || granted.length === 0) return;
    const claimBy = earliestExpiry(granted);
    this.#tell(next.leaseId, (listener) => listener.look(resource, claimBy));
  }

  /** Tells holders of other processes that `place` is the first of its kind to wait behind them. */
  #tellContended(kept: Resource, resource: string, place: Kept): void {
    const told = new Set([processOf(place.leaseId)]);
    for (const holder of kept.places) {
      const process = processOf(holder.leaseId);
      if (holder.token === 0 || told.has(process) || strangersWaiting(kept, holder) !== 1) continue;
      told.add(process);
      this.#tell(holder.leaseId, (listener) => listener.contended(resource));
    }
  }

  #answer(kept: Resource, place: Kept): Admission {
    const at = kept.places.indexOf(place);
    if (place.token === 0) {
      return { kind: "waiting", ahead: at, lookAt: earliestExpiry(kept.places.slice(0, at)) };
    }
    const { token, expiresAt } = place;
    return { kind: "granted", token, expiresAt, waiting: strangersWaiting(kept, place) };
  }

  #tell(leaseId: string, message: (listener: Listener) => void): void {
    const listener = this.#listeners.get(processOf(leaseId));
    if (listener !== undefined) queueMicrotask(() => message(listener));
  }

  #isStale(namespace: string, write: Write, head: KeptRecord | undefined): boolean {
    if (write.fence === undefined) return false;
    const { resource, token, shared } = write.fence;
    const lock = this.#resources.get(path(namespace, resource));
    const storeToken = Number(token / 1024n);
    if (lock !== undefined && lock.last > storeToken) {
      const now = this.now();
      if (!lock.places.some((place) => place.token === storeToken && place.expiresAt > now)) return true;
    }
    return !shared && (head?.fences.get(resource) ?? 0n) > token;
  }

  #collection(namespace: string, collection: string): Map<string, KeptRecord> {
    const name = path(namespace, collection);
    let records = this.#collections.get(name);
    if (records === undefined) this.#collections.set(name, (records = new Map()));
    return records;
  }
}

/** A backend on this process's memory. Give the same store to all coordinators that are to contend. */
export function memory(store: MemoryStore = new MemoryStore()): Backend {
  let session: Session | undefined;
  const opened = (): Session => {
    if (session === undefined) throw new Error("open() comes first");
    return session;
  };
  const each = async <Request, Result>(
    requests: readonly Request[],
    step: (session: Session, request: Request) => Result,
  ): Promise<Reply<Result>> => {
    const results = requests.map((request) => step.call(store, opened(), request));
    return { now: store.now(), results };
  };
  return {
    name: "memory",
    guarantees: GUARANTEES,
    async open(given) {
      session = given;
      store.attach(given);
    },
    admit: (requests) => each(requests, store.admit),
    renew: (requests) => each(requests, store.renew),
    release: (requests) => each(requests, store.release),
    revoke: async (request) => store.revoke(opened(), request),
    inspect: async (resource) => store.inspect(opened().namespace, resource),
    list: async (page) => store.list(opened().namespace, page),
    read: async (collection, key) => store.read(opened().namespace, collection, key),
    write: async (writes) => store.write(opened().namespace, writes),
    scan: async (collection, page) => store.scan(opened().namespace, collection, page),
    time: async () => store.now(),
    async close() {
      if (session !== undefined) store.detach(session.processId);
    },
  };
}

/** The length in front keeps namespaces apart whatever characters they and the names contain. */
const path = (namespace: string, name: string): string => `${namespace.length}:${namespace}${name}`;

const processOf = (leaseId: string): string => leaseId.slice(0, leaseId.indexOf(":"));

const nextToken = (last: number, now: number): number => Math.max(last + 1, Math.floor(now * 1000));

function mint(kept: Resource, place: Kept, now: number, ms: number): void {
  place.token = kept.last = nextToken(kept.last, now);
  place.since = now;
  place.expiresAt = now + ms;
}

function forget(kept: Resource, leaseId: string, released: boolean): void {
  kept.ended.push({ leaseId, released });
  if (kept.ended.length > FORGOTTEN_MAX) kept.ended.shift();
}

function permitsOf(places: readonly Kept[]): number {
  let sum = 0;
  for (const place of places) sum += place.permits;
  return sum;
}

function earliestExpiry(places: readonly Kept[]): number {
  let earliest = Infinity;
  for (const place of places) earliest = Math.min(earliest, place.expiresAt);
  return earliest;
}

/** Waiting places of other processes than the one that has this place. */
function strangersWaiting(kept: Resource, place: Kept): number {
  const own = `${processOf(place.leaseId)}:`;
  let count = 0;
  for (const each of kept.places) if (each.token === 0 && !each.leaseId.startsWith(own)) count += 1;
  return count;
}

function shown({ leaseId, owner, permits, token, since, expiresAt }: Kept): Place {
  return { leaseId, owner, permits, token: token === 0 ? null : token, since, expiresAt };
}

function record(key: string, kept: KeptRecord | undefined): StoredRecord | null {
  if (kept === undefined || kept.value === null) return null;
  const { value, revision, updatedAt, author } = kept;
  return { key, value, revision, updatedAt, author };
}

/** Names in binary order of their UTF-8 text, within the page's prefix and after its start. */
function pageOf(names: readonly string[], { prefix = "", after }: Page): readonly string[] {
  return names
    .filter((name) => name.startsWith(prefix))
    .map((name) => ({ name, bytes: Buffer.from(name) }))
    .sort((a, b) => a.bytes.compare(b.bytes))
    .filter(({ bytes }) => after === undefined || bytes.compare(Buffer.from(after)) > 0)
    .map(({ name }) => name);
}
