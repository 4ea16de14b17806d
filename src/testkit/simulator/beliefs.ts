import type { Backend, Place } from "../../backend.ts";
import type { Lease } from "../../locks/lease.ts";
import type { ProcessClock } from "./process-clock.ts";

/** Somebody was given a lease, and has not given it back. */
export interface Belief {
  readonly who: string;
  readonly clock: ProcessClock;
  readonly lease: Lease;
  /** Of the whole capacity; 1: exclusive. */
  readonly share: number;
}

/** Readers of a lock for ALL weigh one in a thousand million; this is less, and more than rounding errors. */
const ROUNDING = 1e-10;

/** Smaller shares are readers', bigger ones semaphore permits and exclusive locks. */
const MEAN_SHARE = 0.001;

/** In calm weather, a grant or a release is under way no longer than this. */
const IDLE_MAX_MS = 30;

/**
 * Who believes to hold what. Every belief of a process that is awake must be true in the store at this very
 * moment: that is what `lost` is for. Force-release makes beliefs false until those concerned hear of it, at
 * the latest when the lease would have ended anyway.
 */
export class Beliefs {
  readonly #held = new Set<Belief>();
  readonly #lastToken = new Map<string, bigint>();
  /** When leases were ended by force, by resource and token. */
  readonly #revokedAt = new Map<string, number>();

  readonly #waits = new Set<{ who: string; resource: string; share: number; freeSince: number }>();
  /** Since when places, by resource and token, are granted to somebody who does not know. */
  readonly #idleSince = new Map<string, number>();

  constructor(
    /** Looks at the store without any network between. */
    private readonly store: Backend,
    private readonly ttlMs: number,
  ) {}

  get size(): number {
    return this.#held.size;
  }

  /** Returns what is wrong with this grant, in words. */
  add(belief: Belief): string | undefined {
    const { lease, share, who } = belief;
    this.#held.add(belief);
    const last = this.#lastToken.get(lease.resource) ?? 0n;
    // One of several locks may have been lost while the others were waited for; and who was granted a lock
    // that was revoked at once may hear of the grant first.
    const isOld = lease.lost.aborted || this.#revokedAt.has(`${lease.resource} ${storeToken(lease)}`);
    if (share < 1 || isOld) return undefined;
    this.#lastToken.set(lease.resource, lease.token);
    return lease.token > last ? undefined : `${who} is granted token ${lease.token}, after ${last}`;
  }

  delete(belief: Belief): void {
    this.#held.delete(belief);
  }

  /** These places have been ended by force. */
  revoked(resource: string, places: readonly Place[], now: number): void {
    for (const { token } of places) this.#revokedAt.set(`${resource} ${token}`, now);
  }

  /**
   * Returns what is granted in the store, wanted by others, and used by nobody for a while, in words. Wrong
   * only where no message is lost or late.
   */
  async checkUnclaimed(now: number): Promise<string | undefined> {
    const believed = new Set<string>();
    for (const { lease } of this.#held) believed.add(`${lease.resource} ${storeToken(lease)}`);
    const idle = new Set<string>();
    for (const { resource, places } of await this.store.list({ limit: 100 })) {
      if (!places.some(({ token }) => token === null)) continue;
      for (const { token } of places) {
        const place = `${resource} ${token}`;
        if (token === null || believed.has(place)) continue;
        idle.add(place);
        const since = this.#idleSince.get(place) ?? now;
        this.#idleSince.set(place, since);
        if (now - since > IDLE_MAX_MS) return `nobody uses ${place} since ${since}, and others wait`;
      }
    }
    for (const place of this.#idleSince.keys()) if (!idle.has(place)) this.#idleSince.delete(place);
    return undefined;
  }

  /** Somebody waits for this. Returns how it ends that. */
  wait(who: string, shares: ReadonlyMap<string, number>): () => void {
    const waits = [...shares].map(([resource, share]) => ({ who, resource, share, freeSince: Infinity }));
    for (const wait of waits) this.#waits.add(wait);
    return () => waits.forEach((wait) => this.#waits.delete(wait));
  }

  /** Returns who waits for what has been free for a while, in words. Wrong where messages are late. */
  checkFree(now: number): string | undefined {
    for (const wait of this.#waits) {
      const { resource, share, who } = wait;
      let used = 0;
      for (const { lease, share: taken } of this.#held) if (lease.resource === resource) used += taken;
      // A reader rightly waits for a writer that waits for other readers.
      const isFree = share < MEAN_SHARE ? used === 0 : used + share <= 1 + ROUNDING;
      wait.freeSince = isFree ? Math.min(wait.freeSince, now) : Infinity;
      if (now - wait.freeSince > IDLE_MAX_MS) return `${who} waits though ${resource} is free`;
    }
    return undefined;
  }

  /** Returns the first belief that is false, in words. */
  async check(now: number): Promise<string | undefined> {
    const used = new Map<string, number>();
    for (const belief of this.#held) {
      const { who, clock, lease, share } = belief;
      if (!clock.isAwake || lease.lost.aborted) continue;
      const { resource } = lease;
      const token = storeToken(lease);
      const revokedAt = this.#revokedAt.get(`${resource} ${token}`) ?? -Infinity;
      if (now <= revokedAt + this.ttlMs) continue;
      const { places } = await this.store.inspect(resource);
      if (!places.some((place) => place.token === token)) {
        return `${who} believes to hold ${resource} under ${token}, the store has ${JSON.stringify(places)}`;
      }
      const all = (used.get(resource) ?? 0) + share;
      used.set(resource, all);
      if (all > 1 + ROUNDING) return `${resource} is held by more than fit, among them ${who}`;
    }
    return undefined;
  }
}

/** The store's part of a token; the rest counts hand-overs inside a process. */
const storeToken = (lease: Lease): number => Number(lease.token / 1_024n);
