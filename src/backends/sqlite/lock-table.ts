import { IDLE_MEMORY_MS, type Place, type RevokeRequest } from "../../backend.ts";
import { shown } from "./inspection.ts";
import type { LockRows } from "./lock-rows.ts";
import { LockStep, processOf } from "./locks.ts";
import { emptyQueue, queueOf, queueText, type Queue } from "./queue.ts";
import type { Transaction } from "./writer.ts";

/** How much longer than it must a row may stay, so that `forget_at` and its index change seldom. */
const FORGET_SLACK_MS = 120_000;

/** Queues kept in this process, so that the next step need not read and parse them. */
const KNOWN_MAX = 256;

interface Known {
  readonly text: string;
  readonly queue: Queue;
  /** Nobody else had changed it since we did: worth a try without looking. */
  readonly undisturbed: boolean;
}

/** The steps on the queues of one namespace, each inside a transaction. */
export class LockTable {
  /** The least recently used first. */
  readonly #known = new Map<string, Known>();

  constructor(readonly rows: LockRows) {}

  /** One step on one queue, stored if it changed anything; its news leave with the transaction. */
  step<T>(resource: string, transaction: Transaction, work: (step: LockStep) => T): T {
    const known = this.#known.get(resource);
    if (known?.undisturbed === true) {
      const told = transaction.letters.length;
      const { queue } = known;
      const { forgetAt } = queue;
      const { changed, result } = this.#work(resource, queue, transaction, work);
      if (changed && queue.forgetAt === forgetAt) {
        const text = queueText(queue);
        if (this.rows.updateIf(resource, text, known.text)) {
          this.#remember(resource, { text, queue, undisturbed: true });
          return result;
        }
      }
      /* As if it had not been. An answer that changes nothing has to be true of the row, too. */
      transaction.letters.length = told;
    }
    return this.#stepFromRow(resource, transaction, work, known?.text);
  }

  revoke({ resource, leaseId, reason, by }: RevokeRequest, transaction: Transaction): readonly Place[] {
    const revoked = this.step(resource, transaction, (step) => step.revoke(leaseId));
    if (revoked.length > 0) {
      const tokens = revoked.map(({ token }) => token);
      this.rows.addRevocation(resource, { at: transaction.now, reason, by, tokens });
    }
    return revoked.map(shown);
  }

  /** What a fenced write has to know of its lock. */
  queue(resource: string): Queue {
    const text = this.rows.queue(resource);
    return text === undefined ? emptyQueue() : queueOf(text);
  }

  #stepFromRow<T>(
    resource: string,
    transaction: Transaction,
    work: (step: LockStep) => T,
    expected: string | undefined,
  ): T {
    const before = this.rows.queue(resource);
    const queue = before === undefined ? emptyQueue() : queueOf(before);
    const { forgetAt } = queue;
    const { changed, result } = this.#work(resource, queue, transaction, work);
    if (!changed) {
      this.#known.delete(resource);
      return result;
    }
    const text = queueText(queue);
    if (before === undefined) this.rows.insert(resource, text, queue.forgetAt, transaction.now);
    else if (queue.forgetAt === forgetAt) this.rows.update(resource, text);
    else this.rows.updateStay(resource, text, queue.forgetAt, transaction.now);
    this.#remember(resource, { text, queue, undisturbed: expected === before });
    return result;
  }

  #work<T>(
    resource: string,
    queue: Queue,
    { now, letters }: Transaction,
    work: (step: LockStep) => T,
  ): { readonly changed: boolean; readonly result: T } {
    const step = new LockStep(queue, resource, now, (leaseId, message) => {
      letters.push({ to: processOf(leaseId), message });
    });
    const result = work(step);
    let forgetAt = now;
    for (const { expiresAt } of queue.places) forgetAt = Math.max(forgetAt, expiresAt);
    forgetAt += IDLE_MEMORY_MS;
    if (queue.forgetAt < forgetAt || queue.forgetAt > forgetAt + FORGET_SLACK_MS) {
      queue.forgetAt = forgetAt + FORGET_SLACK_MS / 2;
    }
    return { changed: step.changed, result };
  }

  #remember(resource: string, known: Known): void {
    this.#known.delete(resource);
    this.#known.set(resource, known);
    if (this.#known.size <= KNOWN_MAX) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }
}
