import {
  type Admission,
  type AdmitRequest,
  type Release,
  type Renewal,
  type RenewRequest,
  type RevokeReason,
  type Session,
} from "../../backend.ts";
import type { Message } from "./message.ts";
import { endOf, rememberEnd, type KeptPlace, type Queue } from "./queue.ts";

export const processOf = (leaseId: string): string => leaseId.slice(0, leaseId.indexOf(":"));

/** One step on one queue, inside a transaction that stores the queue afterwards if it `changed`. */
export class LockStep {
  changed = false;
  /** How many places of each process wait; undefined until somebody asks. */
  #waiting: Map<string, number> | undefined;

  /** Clears away what has expired. `tell` is called with the news for the process of a lease. */
  constructor(
    readonly queue: Queue,
    readonly resource: string,
    readonly now: number,
    readonly tell: (leaseId: string, message: Message) => void,
  ) {
    if (queue.places.some((place) => place.expiresAt <= now)) {
      this.#end((place) => place.expiresAt <= now, false);
      this.#handOver();
    }
  }

  admit(session: Session, request: AdmitRequest): Admission {
    const { queue, now } = this;
    const { leaseId, permits, capacity } = request;
    const mine = queue.places.find((place) => place.leaseId === leaseId);
    if (mine !== undefined) {
      if (mine.token === 0) {
        mine.expiresAt = now + session.patienceMs;
        this.changed = true;
      }
      return this.#answer(mine);
    }
    if (endOf(leaseId, queue) !== undefined) return { kind: "gone" };
    if (queue.places.length > 0 && queue.capacity !== capacity) {
      return { kind: "mismatch", capacity: queue.capacity };
    }
    const steal = request.steal === true;
    if (steal) this.#revoke("stolen", () => true);
    const fits = (steal ? 0 : sumOfPermits(queue.places)) + permits <= capacity;
    if (!fits && !request.wait) {
      return { kind: "busy", ahead: queue.places.length, lookAt: earliestExpiry(queue.places) };
    }
    const place: KeptPlace = {
      leaseId,
      owner: JSON.stringify(session.owner),
      permits,
      claimMs: session.claimMs,
      token: 0,
      since: now,
      expiresAt: now + session.patienceMs,
    };
    queue.capacity = capacity;
    if (steal) queue.places.unshift(place);
    else queue.places.push(place);
    this.#waiting = undefined;
    this.changed = true;
    if (fits) this.#mint(place, request.ttlMs);
    else this.#tellContended(place);
    this.#handOver();
    return this.#answer(place);
  }

  renew({ leaseId, ttlMs }: RenewRequest): Renewal {
    const place = this.queue.places.find((each) => each.leaseId === leaseId);
    if (place === undefined || place.token === 0) return { kind: "gone" };
    place.expiresAt = this.now + ttlMs;
    this.changed = true;
    return { kind: "renewed", expiresAt: place.expiresAt, waiting: this.#strangersWaiting(place) };
  }

  release(leaseId: string): Release {
    if (this.#end((place) => place.leaseId === leaseId, true).length > 0) {
      this.#handOver();
      return { kind: "released" };
    }
    const end = endOf(leaseId, this.queue);
    if (end === undefined) this.#forget(leaseId, false);
    return { kind: end === "released" ? "released" : "gone" };
  }

  /** Ends one granted place by force, or all. */
  revoke(leaseId?: string): readonly KeptPlace[] {
    const revoked = this.#revoke("revoked", (place) => (leaseId ?? place.leaseId) === place.leaseId);
    if (revoked.length > 0) this.queue.last = nextToken(this.queue.last, this.now);
    this.#handOver();
    return revoked;
  }

  /**
   * The one rule: a place is granted when the permits ahead of it, plus its own, fit the capacity.
   */
  #handOver(): void {
    const { queue, resource } = this;
    const granted: KeptPlace[] = [];
    let sum = 0;
    let next: KeptPlace | undefined;
    for (const place of queue.places) {
      sum += place.permits;
      if (place.token !== 0) continue;
      if (sum > queue.capacity) {
        next = place;
        break;
      }
      this.#mint(place, place.claimMs);
      granted.push(place);
    }
    for (const place of granted) {
      const { leaseId, token, expiresAt } = place;
      const grant = { token, expiresAt, waiting: this.#strangersWaiting(place) };
      this.tell(leaseId, { kind: "granted", resource, leaseId, grant });
    }
    if (next === undefined || granted.length === 0) return;
    this.tell(next.leaseId, { kind: "look", resource, at: earliestExpiry(granted) });
  }

  #mint(place: KeptPlace, ms: number): void {
    const process = processOf(place.leaseId);
    const waiting = this.#waiting?.get(process);
    if (waiting !== undefined) this.#waiting?.set(process, waiting - 1);
    place.token = this.queue.last = nextToken(this.queue.last, this.now);
    place.since = this.now;
    place.expiresAt = this.now + ms;
    this.changed = true;
  }

  #revoke(reason: RevokeReason, chosen: (place: KeptPlace) => boolean): readonly KeptPlace[] {
    const revoked = this.#end((place) => place.token !== 0 && chosen(place), false);
    for (const { leaseId } of revoked) {
      this.tell(leaseId, { kind: "revoked", resource: this.resource, leaseId, reason });
    }
    return revoked;
  }

  #end(chosen: (place: KeptPlace) => boolean, released: boolean): readonly KeptPlace[] {
    const ended = this.queue.places.filter(chosen);
    if (ended.length === 0) return ended;
    this.queue.places = this.queue.places.filter((place) => !chosen(place));
    this.#waiting = undefined;
    for (const { leaseId } of ended) this.#forget(leaseId, released);
    return ended;
  }

  #forget(leaseId: string, released: boolean): void {
    rememberEnd(this.queue, leaseId, released);
    this.changed = true;
  }

  /** Tells the holders for which `place` is the first of another process to wait behind them. */
  #tellContended(place: KeptPlace): void {
    const told = new Set([processOf(place.leaseId)]);
    for (const holder of this.queue.places) {
      const process = processOf(holder.leaseId);
      if (holder.token === 0 || told.has(process)) continue;
      told.add(process);
      if (this.#strangersWaiting(holder) === 1) {
        this.tell(holder.leaseId, { kind: "contended", resource: this.resource });
      }
    }
  }

  /** Waiting places of other processes than the one that has this place. */
  #strangersWaiting(place: KeptPlace): number {
    if (this.#waiting === undefined) {
      this.#waiting = new Map();
      for (const { token, leaseId } of this.queue.places) {
        if (token !== 0) continue;
        const process = processOf(leaseId);
        this.#waiting.set(process, (this.#waiting.get(process) ?? 0) + 1);
      }
    }
    const own = processOf(place.leaseId);
    let count = 0;
    for (const [process, waiting] of this.#waiting) if (process !== own) count += waiting;
    return count;
  }

  #answer(place: KeptPlace): Admission {
    const { places } = this.queue;
    const at = places.indexOf(place);
    if (place.token === 0) {
      return { kind: "waiting", ahead: at, lookAt: earliestExpiry(places.slice(0, at)) };
    }
    const { token, expiresAt } = place;
    return { kind: "granted", token, expiresAt, waiting: this.#strangersWaiting(place) };
  }
}

const nextToken = (last: number, now: number): number => Math.max(last + 1, Math.floor(now * 1000));

function sumOfPermits(places: readonly KeptPlace[]): number {
  return places.reduce((sum, place) => sum + place.permits, 0);
}

function earliestExpiry(places: readonly KeptPlace[]): number {
  return places.reduce((earliest, place) => Math.min(earliest, place.expiresAt), Infinity);
}
