import type { Cancel, Clock } from "../clock.ts";
import type { LossReason } from "../errors.ts";
import type { HeldLease } from "./lease.ts";
import type { LocalQueue } from "./local-queue.ts";
import type { Waiter } from "./waiter.ts";

/**
 * - `asking`: its admission is under way, or is to be repeated;
 * - `waiting`: it stands in the store's queue;
 * - `granted`: it holds, until its deadline;
 * - `ended`: over; nothing that is heard about it any more has an effect.
 */
export type PlaceState = "asking" | "waiting" | "granted" | "ended";

/** A place that this process has in the store's queue of one resource. */
export class Place {
  readonly resource: string;
  readonly permits: number;
  readonly capacity: number;
  readonly ttlMs: number;
  state: PlaceState = "asking";
  /** The store's token once granted. */
  token = 0;
  /** Local time at which the lease counts as over. */
  deadline = 0;
  ahead = 0;
  /** For whom it waits; once granted, the next in line while the place is passed on. */
  waiter: Waiter | null;
  /** Who holds it. */
  lease: HeldLease | null = null;
  /** How many callers of this process have had it. */
  turns = 0;
  /** Since when, and since which turn, other processes are known to wait behind it. */
  contendedAt = Infinity;
  contendedTurn = 0;
  /** Told of it once, while it is held. */
  onContended: (() => void) | undefined;
  /** Since when the store has not answered. */
  failingSince = Infinity;
  /** When the lookout asks about it again, in local time. */
  lookAt = Infinity;
  /** How soon it is to be renewed for the first time. */
  renewWithin = Infinity;
  /** When it is to be renewed, in local time. */
  renewAt = Infinity;
  #cancelDeadline: Cancel | undefined;

  constructor(
    readonly queue: LocalQueue,
    readonly leaseId: string,
    waiter: Waiter,
    private readonly clock: Clock,
  ) {
    this.resource = queue.resource;
    this.permits = waiter.demand.permits;
    this.capacity = waiter.demand.capacity;
    this.ttlMs = waiter.demand.ttlMs;
    this.waiter = waiter;
  }

  /** Granted until `deadline`, to be renewed within so many ms. */
  grant(token: number, deadline: number, renewWithin: number): void {
    this.state = "granted";
    this.token = token;
    this.deadline = deadline;
    this.renewWithin = renewWithin;
  }

  end(): void {
    this.state = "ended";
    this.#cancelDeadline?.();
  }

  markContended(): void {
    if (this.contendedAt !== Infinity) return;
    this.contendedAt = this.clock.now();
    this.contendedTurn = this.turns;
    this.onContended?.();
  }

  /** Notices a deadline that passed while the event loop was held up, before any timer can. */
  checkDeadline(): void {
    if (this.state === "granted" && this.clock.now() >= this.deadline) this.lose("expired");
  }

  lose(reason: LossReason): void {
    this.queue.lose(this, reason);
  }

  giveBack(lease: HeldLease): Promise<void> {
    return this.queue.giveBack(this, lease);
  }

  /** Renewals move the deadline without touching the timer, which then finds that it came too early. */
  watchDeadline(): void {
    const remaining = this.deadline - this.clock.now();
    this.#cancelDeadline = this.clock.timer(
      remaining,
      () => {
        this.checkDeadline();
        if (this.state === "granted") this.watchDeadline();
      },
      { keepAlive: false },
    );
  }
}
