import { systemClock, type Cancel } from "../../clock.ts";
import { CODE, Refusal } from "./failure.ts";
import type { Gateway } from "./gateway.ts";
import { clockNow } from "./timeline.ts";

/** How often the leases are kept alive; a call costs the leader no write. */
const BEAT_MS = 600;
/** A member that does not answer a beat for so long is left: well before leases run out. */
const ANSWER_MS = 1_000;
/** A lease lasts longer than what is attached to it, by about the time between two beats. */
const SPARE_MS = 1_000;
/** Nothing was attached for so long: the leases may run out. */
const IDLE_MS = 30_000;

/** A lease of etcd, to which places are attached that are to end so soon after their process has died. */
export interface KeptLease {
  readonly id: string;
  /** As etcd granted it: not below 1.5 times its election timeout. */
  readonly ttlMs: number;
  /** When the last request was sent that is known to have prolonged it. */
  keptAt: number;
}

/**
 * One process's leases, by how long they last: one for places that wait, one for each `ttlMs` in use. Each
 * is a promise of etcd, counted from before the request that it answered.
 */
export class Leases {
  readonly #byTtl = new Map<number, Promise<KeptLease>>();
  readonly #byId = new Map<string, KeptLease>();
  #usedAt = 0;
  #cancel: Cancel | undefined;
  #isClosed = false;

  constructor(
    private readonly gateway: Gateway,
    /** Whether there are places: then there are beats. */
    private readonly isInUse: () => boolean,
    /** It has run out, and what was attached to it is gone. */
    private readonly ended: () => void,
  ) {}

  /** A lease that outlives what lasts so long and is prolonged at every beat. */
  for(ms: number): Promise<KeptLease> {
    return this.#of(Math.ceil((ms + SPARE_MS) / 1_000));
  }

  /** A lease that does not outlive its process by more than that, or by what etcd takes for the least. */
  within(ms: number): Promise<KeptLease> {
    return this.#of(Math.ceil(ms / 1_000));
  }

  /** The id of one that is never prolonged. */
  async once(ms: number): Promise<string> {
    const TTL = String(Math.ceil(ms / 1_000));
    const { ID } = await this.gateway.call<{ ID: string }>("/v3/lease/grant", { TTL, ID: "0" });
    return ID;
  }

  /** Until when etcd keeps what is attached to it, if it hears no more of this process. */
  until(id: string): number {
    const lease = this.#byId.get(id);
    return lease === undefined ? -Infinity : lease.keptAt + lease.ttlMs;
  }

  /** False: it has run out. */
  async keepAlive(lease: KeptLease): Promise<boolean> {
    const sentAt = clockNow();
    const { result } = await this.gateway.call<{ result?: { TTL?: string } }>(
      "/v3/lease/keepalive",
      { ID: lease.id },
      ANSWER_MS,
    );
    if (Number(result?.TTL ?? 0) <= 0) {
      this.forget(lease);
      return false;
    }
    lease.keptAt = Math.max(lease.keptAt, sentAt);
    return true;
  }

  /** All that may have run out unseen: the next use asks for new ones. */
  forget(lease: KeptLease): void {
    if (!this.#byId.delete(lease.id)) return;
    for (const [seconds, each] of this.#byTtl) {
      void each.then(
        (kept) => kept === lease && this.#byTtl.get(seconds) === each && this.#byTtl.delete(seconds),
        () => undefined,
      );
    }
    this.ended();
  }

  /** Looks whether they all are alive; what has run out is forgotten. */
  async check(): Promise<void> {
    await Promise.all([...this.#byId.values()].map((lease) => this.keepAlive(lease)));
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  #of(seconds: number): Promise<KeptLease> {
    this.#usedAt = clockNow();
    let lease = this.#byTtl.get(seconds);
    if (lease === undefined) {
      lease = this.#grant(seconds);
      this.#byTtl.set(seconds, lease);
      lease.catch(() => this.#byTtl.delete(seconds));
    }
    this.#beatSoon();
    return lease;
  }

  async #grant(seconds: number): Promise<KeptLease> {
    const keptAt = clockNow();
    const { ID: id, TTL } = await this.gateway.call<{ ID: string; TTL: string }>("/v3/lease/grant", {
      TTL: String(seconds),
      ID: "0",
    });
    const lease = { id, ttlMs: Number(TTL) * 1_000, keptAt };
    this.#byId.set(id, lease);
    return lease;
  }

  #beatSoon(): void {
    if (this.#isClosed || this.#cancel !== undefined) return;
    this.#cancel = systemClock.timer(BEAT_MS, () => void this.#beat(), { keepAlive: false });
  }

  async #beat(): Promise<void> {
    this.#cancel = undefined;
    if (this.isInUse()) this.#usedAt = clockNow();
    if (clockNow() - this.#usedAt > IDLE_MS) return this.#rest();
    this.#beatSoon();
    for (const lease of this.#byId.values()) {
      this.keepAlive(lease).catch((error: unknown) => {
        if (error instanceof Refusal && error.code === CODE.notFound) this.forget(lease);
      });
    }
  }

  /** Nothing is attached any more. */
  #rest(): void {
    this.#byTtl.clear();
    this.#byId.clear();
  }
}
