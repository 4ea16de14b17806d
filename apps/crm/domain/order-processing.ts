import {
  ConflictError,
  LeaseLostError,
  LockTimeoutError,
  StaleTokenError,
  type Coordinator,
  type Lease,
} from "holdfast";
import { begun, missingEffects, processed, withEffect } from "./order-states.ts";
import type { Order, OrderHead, Orders } from "./orders.ts";

/**
 * How long a caller waits for those before it, one of which may have died: then for its lease to run
 * out.
 */
const WAIT_MS = 20_000;

/** Called after each write, with the order as it now is: to watch, or to break off in between. */
export type AfterStep = (order: Order) => void | Promise<void>;

/**
 * Processes an order exactly once, whatever the number of callers, nodes and crashes.
 *
 * The ledger of effects is part of the order's record, so that a row and the state it stands for are one
 * conditional write. A crash between any two steps leaves an order that says precisely what has taken
 * place; whoever comes next does what is missing and nothing else. (With rows in records of their own
 * there would be a moment in which the row is there and the order does not know it, and readers would
 * have to put the two together.)
 *
 * Three things keep a row from being there twice:
 * - the write is conditional on the revision that was read, in which the row was missing. This decides alone;
 * - the lock lets one caller at a time work on an order: the others wait for the answer, and waste nothing;
 * - the fence refuses writes of a caller that lost the lock and does not know it, for instance after a pause.
 *
 * An effect outside of this store cannot be part of the write. It would be asked for before its row is
 * written, with the row's key as idempotency key, so that the other side counts a repetition as one.
 */
export class OrderProcessing {
  constructor(
    private readonly hf: Coordinator,
    private readonly orders: Orders,
    /** Written into the ledger. */
    private readonly node: string,
  ) {}

  /**
   * The order once it is processed; the same for everybody who asks.
   * @throws Refusal `not-found`
   * @throws LockTimeoutError when it was somebody else's turn for too long
   */
  async process(id: string, afterStep: AfterStep = () => undefined): Promise<OrderHead> {
    const giveUpAt = performance.now() + WAIT_MS;
    const lock = this.hf.mutex(`order:${id}`);
    let head = await this.orders.get(id);
    while (head.value.status !== "processed") {
      const waitMs = Math.max(0, giveUpAt - performance.now());
      if (waitMs === 0) throw new LockTimeoutError(lock.resource, WAIT_MS, 0);
      try {
        head = await lock.withLock((lease) => this.#work(id, lease, afterStep), { waitMs });
      } catch (error) {
        if (!wasOvertaken(error)) throw error;
        head = await this.orders.get(id);
      }
    }
    return head;
  }

  async #work(id: string, lease: Lease, afterStep: AfterStep): Promise<OrderHead> {
    let head = await this.orders.get(id);
    const step = async (next: Order): Promise<void> => {
      lease.lost.throwIfAborted();
      head = await this.orders.records.put(id, next, {
        ifRevision: head.revision,
        fence: lease,
        author: this.node,
      });
      await afterStep(head.value);
    };
    if (head.value.status === "processed") return head;
    await step(begun(head.value));
    for (const effect of missingEffects(head.value)) {
      const at = new Date().toISOString();
      const attempt = head.value.attempts;
      const token = lease.token.toString();
      await step(withEffect(head.value, { effect, at, attempt, node: this.node, token }));
    }
    await step(processed(head.value));
    return head;
  }
}

/** Somebody else works on the order, or has: its state says what is left to do. */
const wasOvertaken = (error: unknown): boolean =>
  error instanceof LeaseLostError || error instanceof StaleTokenError || error instanceof ConflictError;
