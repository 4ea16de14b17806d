import {
  IDLE_MEMORY_MS,
  REVOCATIONS_MAX,
  type Admission,
  type AdmitRequest,
  type Fence,
  type Inspection,
  type Listener,
  type Page,
  type Place,
  type Release,
  type ReleaseRequest,
  type Renewal,
  type RenewRequest,
  type RevokeRequest,
  type Session,
} from "../../backend.ts";
import { pageOf, path } from "./names.ts";
import {
  earliestExpiry,
  forget,
  mint,
  nextToken,
  permitsOf,
  processOf,
  shown,
  strangersWaiting,
  type Kept,
  type Resource,
} from "./resource.ts";

/** All resources of a store, and the processes to tell. The one rule is `#handOver`. */
export class MemoryLocks {
  readonly #resources = new Map<string, Resource>();
  readonly #listeners = new Map<string, Listener>();

  constructor(private readonly now: () => number) {}

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

  /** Whether a later holder than the fence's exists. */
  isOvertaken(namespace: string, { resource, token }: Fence): boolean {
    const lock = this.#resources.get(path(namespace, resource));
    const storeToken = Number(token / 1024n);
    if (lock === undefined || lock.last <= storeToken) return false;
    const now = this.now();
    return !lock.places.some((place) => place.token === storeToken && place.expiresAt > now);
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
}
