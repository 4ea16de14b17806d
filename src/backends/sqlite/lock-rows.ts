import { IDLE_MEMORY_MS } from "../../backend.ts";
import type { SqliteDatabase, SqliteStatement } from "./driver.ts";
import { emptyQueue, LockStep, processOf, type Queue } from "./locks.ts";
import { stored } from "./names.ts";
import type { Transaction } from "./writer.ts";

/** `forget_at` is rounded up to this, so that its index changes once a minute and not with every step. */
const FORGET_GRAIN_MS = 60_000;

/** Idle rows that go for each new one: more than one, so that their number shrinks. */
const SWEPT_PER_NEW = 2;

interface Row {
  readonly queue: string;
  readonly forget_at: number;
}

export interface LoadedQueue {
  readonly queue: Queue;
  /** As stored; undefined: there is no row yet. */
  readonly forgetAt: number | undefined;
}

/** The table of queues, one row for each resource. */
export class LockRows {
  readonly #select: SqliteStatement;
  readonly #insert: SqliteStatement;
  readonly #update: SqliteStatement;
  readonly #updateBoth: SqliteStatement;
  readonly #sweep: SqliteStatement;
  readonly #page: SqliteStatement;

  constructor(database: SqliteDatabase) {
    const one = "WHERE namespace = ? AND name = ?";
    this.#select = database.prepare(`SELECT queue, forget_at FROM holdfast_lock ${one}`);
    this.#insert = database.prepare(
      "INSERT INTO holdfast_lock (queue, forget_at, namespace, name) VALUES (?, ?, ?, ?)",
    );
    this.#update = database.prepare(`UPDATE holdfast_lock SET queue = ? ${one}`);
    this.#updateBoth = database.prepare(`UPDATE holdfast_lock SET queue = ?, forget_at = ? ${one}`);
    this.#sweep = database.prepare(
      `DELETE FROM holdfast_lock WHERE (namespace, name) IN (SELECT namespace, name
       FROM holdfast_lock WHERE forget_at <= ? ORDER BY forget_at LIMIT ${SWEPT_PER_NEW})`,
    );
    this.#page = database.prepare(
      `SELECT name, queue FROM holdfast_lock
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
    const loaded = this.load(namespace, resource);
    const step = new LockStep(loaded.queue, resource, now, (leaseId, message) => {
      letters.push({ to: processOf(leaseId), message });
    });
    const result = work(step);
    if (step.changed) this.#save(namespace, resource, loaded, now);
    return result;
  }

  load(namespace: string, resource: string): LoadedQueue {
    const row = this.#select.get(stored(namespace), stored(resource)) as Row | undefined;
    if (row === undefined) return { queue: emptyQueue(), forgetAt: undefined };
    return { queue: JSON.parse(row.queue) as Queue, forgetAt: row.forget_at };
  }

  #save(namespace: string, resource: string, { queue, forgetAt }: LoadedQueue, now: number): void {
    const text = JSON.stringify(queue);
    const key = [stored(namespace), stored(resource)] as const;
    const idleFrom = queue.places.reduce((latest, place) => Math.max(latest, place.expiresAt), now);
    const forget = Math.ceil((idleFrom + IDLE_MEMORY_MS) / FORGET_GRAIN_MS) * FORGET_GRAIN_MS;
    if (forgetAt === undefined) {
      this.#sweep.run(now);
      this.#insert.run(text, forget, ...key);
    } else if (forget !== forgetAt) this.#updateBoth.run(text, forget, ...key);
    else this.#update.run(text, ...key);
  }

  /** At most `limit` rows from this name on, in binary order of the names as stored. */
  page(namespace: string, from: string, limit: number): readonly { name: string; queue: Queue }[] {
    const rows = this.#page.all(stored(namespace), from, limit) as { name: string; queue: string }[];
    return rows.map(({ name, queue }) => ({ name, queue: JSON.parse(queue) as Queue }));
  }
}
