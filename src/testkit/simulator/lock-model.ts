import {
  FORGOTTEN_MAX,
  REVOCATIONS_MAX,
  type Admission,
  type AdmitRequest,
  type Grant,
  type Inspection,
  type Owner,
  type Place,
  type Release,
  type ReleaseRequest,
  type Renewal,
  type RenewRequest,
  type Revocation,
  type RevokeReason,
  type RevokeRequest,
} from "../../backend.ts";

/** What the model knows of a process. */
export interface ModelProcess {
  readonly processId: string;
  readonly owner: Owner;
  readonly claimMs: number;
  readonly patienceMs: number;
}

/** A message that a process ought to hear. */
export type Push = { readonly to: string; readonly resource: string } & (
  | { readonly kind: "granted"; readonly leaseId: string; readonly grant: Grant }
  | { readonly kind: "revoked"; readonly leaseId: string; readonly reason: RevokeReason }
  | { readonly kind: "contended" }
  /** At one of these times: any claim deadline ahead will do. */
  | { readonly kind: "look"; readonly at: readonly number[] }
);

interface Spot {
  readonly id: string;
  readonly process: ModelProcess;
  readonly permits: number;
  readonly capacity: number;
  token: number | null;
  since: number;
  end: number;
}

interface Queue {
  spots: Spot[];
  past: { readonly id: string; readonly released: boolean }[];
  high: number;
  trail: Revocation[];
}

const sum = (spots: readonly Spot[]): number => spots.reduce((all, spot) => all + spot.permits, 0);

/** The rule, word for word: the permits ahead, plus its own, fit the capacity. */
const fits = (spots: readonly Spot[], spot: Spot): boolean =>
  sum(spots.slice(0, spots.indexOf(spot))) + spot.permits <= spot.capacity;

const soonest = (spots: readonly Spot[]): number => Math.min(...spots.map(({ end }) => end));

/**
 * What the contract in `backend.ts` says, as plainly as can be: every answer is computed anew from the whole
 * queue. Shares no code with any backend, so that a mistake has to be made twice to go unseen.
 */
export class LockModel {
  /** The store's clock, ms since 1970. */
  now = 0;
  pushes: Push[] = [];
  readonly #queues = new Map<string, Queue>();

  admit(process: ModelProcess, request: AdmitRequest): Admission {
    const queue = this.#step(request.resource);
    const known = queue.spots.find(({ id }) => id === request.leaseId);
    if (known !== undefined) {
      if (known.token === null) known.end = this.now + process.patienceMs;
      return this.#answer(queue, known);
    }
    if (queue.past.some(({ id }) => id === request.leaseId)) return { kind: "gone" };
    const oldest = queue.spots[0];
    if (oldest !== undefined && oldest.capacity !== request.capacity) {
      return { kind: "mismatch", capacity: oldest.capacity };
    }
    const { leaseId: id, permits, capacity } = request;
    const end = this.now + process.patienceMs;
    const spot: Spot = { id, process, permits, capacity, token: null, since: this.now, end };
    if (request.steal === true) {
      this.#end(request.resource, queue, "stolen", ({ token }) => token !== null);
      queue.spots = [spot, ...queue.spots];
    } else {
      queue.spots = [...queue.spots, spot];
    }
    if (fits(queue.spots, spot)) {
      this.#grant(queue, spot, request.ttlMs);
    } else if (!request.wait) {
      queue.spots = queue.spots.filter((each) => each !== spot);
      return { kind: "busy", ahead: queue.spots.length, lookAt: soonest(queue.spots) };
    } else {
      this.#contend(request.resource, queue, process);
    }
    this.#handOver(request.resource, queue);
    return this.#answer(queue, spot);
  }

  renew({ resource, leaseId, ttlMs }: RenewRequest): Renewal {
    const queue = this.#step(resource);
    const spot = queue.spots.find(({ id, token }) => id === leaseId && token !== null);
    if (spot === undefined) return { kind: "gone" };
    spot.end = this.now + ttlMs;
    return { kind: "renewed", expiresAt: spot.end, waiting: strangers(queue, spot.process) };
  }

  release({ resource, leaseId }: ReleaseRequest): Release {
    const queue = this.#step(resource);
    const before = queue.past.find(({ id }) => id === leaseId);
    const lives = queue.spots.some(({ id }) => id === leaseId);
    if (before !== undefined && !lives) return { kind: before.released ? "released" : "gone" };
    queue.spots = queue.spots.filter(({ id }) => id !== leaseId);
    remember(queue, leaseId, lives);
    this.#handOver(resource, queue);
    return { kind: lives ? "released" : "gone" };
  }

  revoke({ resource, leaseId, reason, by }: RevokeRequest): readonly Place[] {
    const queue = this.#step(resource);
    const ended = this.#end(
      resource,
      queue,
      "revoked",
      ({ id, token }) => token !== null && (leaseId === undefined || leaseId === id),
    );
    if (ended.length > 0) {
      queue.high = this.#next(queue);
      const tokens = ended.map(({ token }) => token ?? 0);
      queue.trail = [...queue.trail, { at: this.now, reason, by, tokens }].slice(-REVOCATIONS_MAX);
    }
    this.#handOver(resource, queue);
    return ended.map(shown);
  }

  inspect(resource: string): Inspection {
    const queue = this.#queue(resource);
    const live = queue.spots.filter(({ end }) => end > this.now);
    return {
      resource,
      now: this.now,
      capacity: live[0]?.capacity ?? null,
      places: live.map(shown),
      revocations: queue.trail,
    };
  }

  /** Whether a write guarded by this token of the store comes too late. */
  fencesOff(resource: string, storeToken: number): boolean {
    const queue = this.#queue(resource);
    const lives = queue.spots.some(({ token, end }) => token === storeToken && end > this.now);
    return queue.high > storeToken && !lives;
  }

  #queue(resource: string): Queue {
    let queue = this.#queues.get(resource);
    if (queue === undefined) {
      this.#queues.set(resource, (queue = { spots: [], past: [], high: 0, trail: [] }));
    }
    return queue;
  }

  /** How every step begins. */
  #step(resource: string): Queue {
    const queue = this.#queue(resource);
    const dead = queue.spots.filter(({ end }) => end <= this.now);
    queue.spots = queue.spots.filter(({ end }) => end > this.now);
    for (const { id } of dead) remember(queue, id, false);
    this.#handOver(resource, queue);
    return queue;
  }

  #handOver(resource: string, queue: Queue): void {
    const lucky = queue.spots.filter((spot) => spot.token === null && fits(queue.spots, spot));
    for (const spot of lucky) this.#grant(queue, spot, spot.process.claimMs);
    for (const { id: leaseId, process, token, end } of lucky) {
      const grant = { token: token ?? 0, expiresAt: end, waiting: strangers(queue, process) };
      this.pushes.push({ kind: "granted", to: process.processId, resource, leaseId, grant });
    }
    const next = queue.spots.find(({ token }) => token === null);
    if (next === undefined || lucky.length === 0) return;
    const at = lucky.map(({ end }) => end);
    this.pushes.push({ kind: "look", to: next.process.processId, resource, at });
  }

  #contend(resource: string, queue: Queue, newcomer: ModelProcess): void {
    const holders = queue.spots.filter(({ token }) => token !== null).map(({ process }) => process);
    for (const process of new Set(holders)) {
      if (process === newcomer || strangers(queue, process) !== 1) continue;
      this.pushes.push({ kind: "contended", to: process.processId, resource });
    }
  }

  #end(resource: string, queue: Queue, reason: RevokeReason, is: (spot: Spot) => boolean): Spot[] {
    const ended = queue.spots.filter(is);
    queue.spots = queue.spots.filter((spot) => !is(spot));
    for (const { id, process } of ended) {
      remember(queue, id, false);
      this.pushes.push({ kind: "revoked", to: process.processId, resource, leaseId: id, reason });
    }
    return ended;
  }

  #grant(queue: Queue, spot: Spot, ms: number): void {
    queue.high = this.#next(queue);
    spot.token = queue.high;
    spot.since = this.now;
    spot.end = this.now + ms;
  }

  #next(queue: Queue): number {
    return Math.max(queue.high + 1, this.now * 1_000);
  }

  #answer(queue: Queue, spot: Spot): Admission {
    if (spot.token !== null) {
      const { token, end: expiresAt } = spot;
      return { kind: "granted", token, expiresAt, waiting: strangers(queue, spot.process) };
    }
    const before = queue.spots.slice(0, queue.spots.indexOf(spot));
    return { kind: "waiting", ahead: before.length, lookAt: soonest(before) };
  }
}

const strangers = (queue: Queue, own: ModelProcess): number =>
  queue.spots.filter(({ token, process }) => token === null && process !== own).length;

function remember(queue: Queue, id: string, released: boolean): void {
  queue.past = [...queue.past, { id, released }].slice(-FORGOTTEN_MAX);
}

function shown({ id, process, permits, token, since, end }: Spot): Place {
  return { leaseId: id, owner: process.owner, permits, token, since, expiresAt: end };
}
