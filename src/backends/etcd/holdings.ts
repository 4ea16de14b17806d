import type { Admission, AdmitRequest, Grant, RevokeReason, Session } from "../../backend.ts";
import { systemClock, type Cancel } from "../../clock.ts";
import type { Leases } from "./leases.ts";
import { Mirror, type Change } from "./mirror.ts";
import type { Keyspace } from "./names.ts";
import { mayEndAt, tokenOf, type Kept, type Written } from "./place.ts";
import { strangersWaiting, type Queue } from "./queue.ts";
import { clockNow } from "./timeline.ts";
import { isFrom, isValue, remove, txn, type Txn } from "./transaction.ts";

/** So many lease ids that ended are remembered, oldest forgotten first. */
const ENDED_MAX = 10_000;

interface Ended {
  readonly how: "released" | "gone";
  /** The revision at which its key was deleted; 0: unknown. */
  readonly revision: number;
}

/**
 * - `asking`: no answer has told that it is there;
 * - `waiting`, `granted`: it is there;
 * - `ended`: it is not, or is to go.
 */
export interface Holding {
  readonly request: AdmitRequest;
  readonly key: string;
  /** What is written there at first. */
  readonly value: Written;
  /** Admissions that were sent and are not answered, and may take effect at any time. */
  unanswered: number;
  state: "asking" | "waiting" | "granted" | "ended";
  /** When this process gives it up by itself, unless it is asked about or renewed. */
  endsAt: number;
  /** When it was asked for. */
  readonly askedAt: number;
  /** When it was seen to be granted. */
  grantedAt: number;
  /** It is being released. */
  isLeaving: boolean;
  /** Its process was told that others wait. */
  isContended: boolean;
}

/**
 * The places of this process: what is known of them, and who is told when that changes. Each ends by its own
 * time, which its own process measures; of a process that is dead, etcd ends them with the lease.
 */
export class Holdings {
  readonly #byKey = new Map<string, Holding>();
  readonly #byResource = new Map<string, { readonly mirror: Mirror; readonly holdings: Set<Holding> }>();
  readonly #byId = new Map<string, Holding>();
  readonly #ended = new Map<string, Ended>();
  /** Keys under which something may still come or go: never used again. */
  readonly #retired = new Set<string>();
  #armedFor = Infinity;
  #cancel: Cancel | undefined;
  #isClosed = false;

  constructor(
    private readonly session: Session,
    private readonly keys: Keyspace,
    private readonly leases: Leases,
    /** Deletes what should not be there, however often that takes. */
    private readonly remove: (deletion: Txn) => void,
  ) {}

  get isEmpty(): boolean {
    return this.#byKey.size === 0;
  }

  get resources(): readonly string[] {
    return [...this.#byResource.keys()];
  }

  at(key: string): Holding | undefined {
    return this.#byKey.get(key);
  }

  find(resource: string, leaseId: string): Holding | undefined {
    return this.#byId.get(idOf(resource, leaseId));
  }

  howEnded(resource: string, leaseId: string): Ended | undefined {
    return this.#ended.get(idOf(resource, leaseId));
  }

  /** Deletes its key, if it is still its own. */
  deletion({ key, request, value }: Holding): Txn {
    const kept = this.#byResource.get(request.resource)?.mirror.find(key);
    const isIts = kept === undefined ? isValue(key, JSON.stringify(value)) : isFrom(key, kept.createRevision);
    return txn([isIts], [remove(key)]);
  }

  queue(resource: string): Queue {
    return this.#byResource.get(resource)?.mirror.queue ?? { capacity: null, standings: [] };
  }

  begin(request: AdmitRequest): Holding {
    const { capacity, leaseId, permits, resource, ttlMs } = request;
    const { owner, patienceMs, processId } = this.session;
    const askedAt = clockNow();
    const key = this.#freeKey(resource, processId);
    const holding: Holding = {
      request,
      key,
      value: { leaseId, owner, permits, capacity, ttlMs, patienceMs, at: askedAt },
      unanswered: 0,
      state: "asking",
      endsAt: Infinity,
      askedAt,
      grantedAt: 0,
      isLeaving: false,
      isContended: false,
    };
    this.#byKey.set(key, holding);
    this.#byId.set(idOf(resource, leaseId), holding);
    const known = this.#byResource.get(resource);
    if (known === undefined) {
      this.#byResource.set(resource, { mirror: new Mirror(), holdings: new Set([holding]) });
    } else {
      known.holdings.add(holding);
    }
    return holding;
  }

  /** `deletedAt`: the revision at which it was deleted, or 0 if that is not certain. */
  end(holding: Holding, how: "released" | "gone", deletedAt = 0): void {
    if (holding.state === "ended") return;
    const { key, request, unanswered } = holding;
    const { leaseId, resource } = request;
    holding.state = "ended";
    this.#byKey.delete(key);
    this.#byId.delete(idOf(resource, leaseId));
    this.forget(resource, leaseId, how, deletedAt);
    if (deletedAt === 0 || unanswered > 0) remember(this.#retired, key);
    const known = this.#byResource.get(resource);
    if (known?.holdings.delete(holding) === true && known.holdings.size === 0) {
      this.#byResource.delete(resource);
    }
  }

  /** An id that is not to get a place any more. */
  forget(resource: string, leaseId: string, how: "released" | "gone", revision = 0): void {
    const id = idOf(resource, leaseId);
    if (this.#ended.has(id)) return;
    this.#ended.set(id, { how, revision });
    if (this.#ended.size <= ENDED_MAX) return;
    const [oldest] = this.#ended.keys();
    if (oldest !== undefined) this.#ended.delete(oldest);
  }

  /** Whether what was created there at that revision is of an ended place: it came late. */
  isLeftOver(resource: string, leaseId: string, revision: number): boolean {
    const id = idOf(resource, leaseId);
    const ended = this.#ended.get(id);
    return ended !== undefined && !this.#byId.has(id) && ended.revision < revision;
  }

  /** All places of a resource, as they were at a revision. False: the watch should have told, and has not. */
  read(resource: string, revision: number, places: readonly Kept[]): boolean {
    const isExpected = this.#byResource.get(resource)?.mirror.read(revision, places) ?? true;
    this.settle(resource, places.some(({ written }) => written?.front === true) ? "stolen" : "revoked");
    return isExpected;
  }

  /** Whether a place of this resource is here, and what happened at that revision to that key is news. */
  concerns(resource: string, key: string, revision: number): boolean {
    const mirror = this.#byResource.get(resource)?.mirror;
    return mirror !== undefined && mirror.find(key)?.modRevision !== revision;
  }

  /** What the watch tells. */
  change(resource: string, change: Change): void {
    this.#byResource.get(resource)?.mirror.apply(change);
  }

  /** The answer to an admission: how its place stands by now. */
  admission(holding: Holding): Admission {
    const { resource, leaseId } = holding.request;
    const queue = this.queue(resource);
    const standing = queue.standings.find(({ kept }) => kept.key === holding.key);
    if (standing === undefined || holding.state === "ended") return { kind: "gone" };
    if (standing.isGranted) return { kind: "granted", ...this.#grantOf(holding, standing.kept, queue) };
    return { kind: "waiting", ahead: standing.ahead, lookAt: this.lookAt(resource, leaseId) };
  }

  /** The earliest end among the places ahead of this one; of all places, if it is not there. */
  lookAt(resource: string, leaseId: string, queue = this.queue(resource)): number {
    const now = clockNow();
    let earliest = Infinity;
    for (const { kept, isGranted } of queue.standings) {
      if (kept.leaseId === leaseId) break;
      const own = this.#byKey.get(kept.key)?.endsAt;
      earliest = Math.min(earliest, own ?? mayEndAt(kept, isGranted, now));
    }
    return earliest;
  }

  /** After something has changed: tells of grants, losses and others that wait. */
  settle(resource: string, reason: RevokeReason): void {
    const known = this.#byResource.get(resource);
    if (known === undefined || !known.mirror.isRead) return;
    const { holdings, mirror } = known;
    const byKey = new Map(mirror.queue.standings.map((standing) => [standing.kept.key, standing]));
    for (const holding of [...holdings]) {
      const standing = byKey.get(holding.key);
      if (standing === undefined) this.#missing(holding, reason);
      else if (standing.isGranted && holding.state !== "granted") {
        this.#granted(holding, standing.kept, mirror.queue);
      } else if (!standing.isGranted && holding.state === "asking") {
        holding.state = "waiting";
        this.prolong(holding, holding.askedAt + this.session.patienceMs);
      } else if (standing.isGranted) this.#contended(holding, mirror.queue);
    }
  }

  /** Its own time now ends then. */
  prolong(holding: Holding, endsAt: number): void {
    holding.endsAt = endsAt;
    if (endsAt < this.#armedFor) this.#arm(endsAt);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  doubt(): void {
    for (const { mirror } of this.#byResource.values()) mirror.doubt();
  }

  #freeKey(resource: string, processId: string): string {
    for (let slot = 0; ; slot += 1) {
      const key = this.keys.placeOf(resource, processId, slot);
      if (!this.#byKey.has(key) && !this.#retired.has(key)) return key;
    }
  }

  #grantOf(holding: Holding, kept: Kept, queue: Queue): Grant {
    const waiting = strangersWaiting(queue, holding.request.leaseId);
    return { token: tokenOf(kept), expiresAt: holding.endsAt, waiting };
  }

  #granted(holding: Holding, kept: Kept, queue: Queue): void {
    const { request, state, askedAt } = holding;
    const { listener, claimMs } = this.session;
    holding.state = "granted";
    holding.grantedAt = clockNow();
    // Whoever asked and was granted at once has its whole time, whoever waited has to claim it first. Either
    // lasts no longer than etcd keeps the place without hearing of us.
    const own = state === "asking" ? askedAt + request.ttlMs : holding.grantedAt + claimMs;
    this.prolong(holding, Math.min(own, this.leases.until(kept.lease)));
    const grant = this.#grantOf(holding, kept, queue);
    holding.isContended = grant.waiting > 0;
    if (state === "waiting") listener.granted(request.resource, request.leaseId, grant);
  }

  #contended(holding: Holding, queue: Queue): void {
    const { resource, leaseId } = holding.request;
    const isContended = strangersWaiting(queue, leaseId) > 0;
    if (isContended && !holding.isContended) this.session.listener.contended(resource);
    holding.isContended = isContended;
  }

  #missing(holding: Holding, reason: RevokeReason): void {
    const { isLeaving, request, state } = holding;
    if (state === "asking") return;
    const deletedAt = this.#byResource.get(request.resource)?.mirror.revision;
    this.end(holding, isLeaving ? "released" : "gone", deletedAt);
    if (isLeaving) return;
    if (state === "granted") this.session.listener.revoked(request.resource, request.leaseId, reason);
    else this.session.listener.look(request.resource);
  }

  #arm(at: number): void {
    if (this.#isClosed) return;
    this.#cancel?.();
    this.#armedFor = at;
    const ms = Math.max(0, at - clockNow());
    this.#cancel = systemClock.timer(ms, () => this.#endInTime(), { keepAlive: false });
  }

  #endInTime(): void {
    this.#armedFor = Infinity;
    const now = clockNow();
    let next = Infinity;
    for (const holding of [...this.#byKey.values()]) {
      if (holding.endsAt > now) next = Math.min(next, holding.endsAt);
      else {
        const deletion = this.deletion(holding);
        this.end(holding, "gone");
        this.remove(deletion);
      }
    }
    if (next !== Infinity) this.#arm(next);
  }
}

const idOf = (resource: string, leaseId: string): string => `${leaseId}/${resource}`;

function remember(keys: Set<string>, key: string): void {
  keys.add(key);
  if (keys.size <= ENDED_MAX) return;
  const [oldest] = keys;
  if (oldest !== undefined) keys.delete(oldest);
}
