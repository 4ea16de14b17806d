import {
  IDLE_MEMORY_MS,
  REVOCATIONS_MAX,
  type Inspection,
  type Place,
  type Revocation,
  type RevokeRequest,
} from "../../backend.ts";
import type { SqliteDatabase, SqliteStatement } from "./driver.ts";
import { inspectionOf, shown } from "./inspection.ts";
import { LockStep, processOf } from "./locks.ts";
import { stored } from "./names.ts";
import { emptyQueue, queueOf, queueText, type Queue } from "./queue.ts";
import type { Transaction } from "./writer.ts";

/** `forget_at` is rounded up to this, so that its index changes once a minute and not with every step. */
const FORGET_GRAIN_MS = 60_000;

/** Idle rows that go for each new one: more than one, so that their number shrinks. */
const SWEPT_PER_NEW = 2;

export interface NamedLockRow {
  readonly name: string;
  readonly queue: string;
  readonly revocations: string;
}

/** The table of queues, one row for each resource. */
export class LockRows {
  readonly #select: SqliteStatement;
  readonly #insert: SqliteStatement;
  readonly #update: SqliteStatement;
  readonly #updateAll: SqliteStatement;
  readonly #sweep: SqliteStatement;
  readonly #revocations: SqliteStatement;
  readonly #setRevocations: SqliteStatement;
  readonly #page: SqliteStatement;

  constructor(database: SqliteDatabase) {
    const prepare = (sql: string): SqliteStatement => database.prepare(sql);
    const one = "WHERE namespace = ? AND name = ?";
    this.#select = prepare(`SELECT queue FROM holdfast_lock ${one}`);
    this.#insert = prepare(
      "INSERT INTO holdfast_lock (queue, forget_at, namespace, name) VALUES (?, ?, ?, ?)",
    );
    this.#update = prepare(`UPDATE holdfast_lock SET queue = ? ${one}`);
    this.#updateAll = prepare(`UPDATE holdfast_lock SET queue = ?, forget_at = ? ${one}`);
    this.#sweep = prepare(
      `DELETE FROM holdfast_lock WHERE (namespace, name) IN (SELECT namespace, name
       FROM holdfast_lock WHERE forget_at <= ? ORDER BY forget_at LIMIT ${SWEPT_PER_NEW})`,
    );
    this.#revocations = prepare(`SELECT name, queue, revocations FROM holdfast_lock ${one}`);
    this.#setRevocations = prepare(`UPDATE holdfast_lock SET revocations = ? ${one}`);
    this.#page = prepare(
      `SELECT name, queue, revocations FROM holdfast_lock
       WHERE namespace = ? AND name >= ? ORDER BY name LIMIT ?`,
    );
  }

  /** One step on one queue, stored if it changed anything; its news leave with the transaction. */
  step<T>(
    namespace: string,
    resource: string,
    { now, letters }: Transaction,
    work: (step: LockStep) => T,
  ): T {
    const queue = this.queue(namespace, resource);
    const step = new LockStep(queue, resource, now, (leaseId, message) => {
      letters.push({ to: processOf(leaseId), message });
    });
    const result = work(step);
    if (step.changed) this.#save(namespace, resource, queue, now);
    return result;
  }

  revoke(
    namespace: string,
    { resource, leaseId, reason, by }: RevokeRequest,
    transaction: Transaction,
  ): readonly Place[] {
    const revoked = this.step(namespace, resource, transaction, (step) => step.revoke(leaseId));
    if (revoked.length > 0) {
      const key = [stored(namespace), stored(resource)] as const;
      const before = this.#revocations.get(...key) as NamedLockRow;
      const entry = { at: transaction.now, reason, by, tokens: revoked.map(({ token }) => token) };
      const entries = [...(JSON.parse(before.revocations) as Revocation[]), entry].slice(-REVOCATIONS_MAX);
      this.#setRevocations.run(JSON.stringify(entries), ...key);
    }
    return revoked.map(shown);
  }

  queue(namespace: string, resource: string): Queue {
    const row = this.#select.get(stored(namespace), stored(resource)) as { queue: string } | undefined;
    return row === undefined ? emptyQueue() : queueOf(row.queue);
  }

  inspect(namespace: string, resource: string, now: number): Inspection {
    const row = this.#revocations.get(stored(namespace), stored(resource)) as NamedLockRow | undefined;
    return inspectionOf(resource, row, now);
  }

  /** At most `limit` rows from this name on, in binary order of the names as stored. */
  page(namespace: string, from: string, limit: number): readonly NamedLockRow[] {
    return this.#page.all(stored(namespace), from, limit) as NamedLockRow[];
  }

  #save(namespace: string, resource: string, queue: Queue, now: number): void {
    let inUseUntil = now;
    for (const { expiresAt } of queue.places) inUseUntil = Math.max(inUseUntil, expiresAt);
    const before = queue.forgetAt;
    queue.forgetAt = Math.ceil((inUseUntil + IDLE_MEMORY_MS) / FORGET_GRAIN_MS) * FORGET_GRAIN_MS;
    const text = queueText(queue);
    const key = [stored(namespace), stored(resource)] as const;
    if (before === queue.forgetAt) this.#update.run(text, ...key);
    else if (before > 0) this.#updateAll.run(text, queue.forgetAt, ...key);
    else {
      this.#sweep.run(now);
      this.#insert.run(text, queue.forgetAt, ...key);
    }
  }
}
