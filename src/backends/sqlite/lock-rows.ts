import { REVOCATIONS_MAX, type Revocation } from "../../backend.ts";
import type { SqliteDatabase, SqliteStatement } from "./driver.ts";
import { stored } from "./names.ts";

/** Idle rows that go for each new one: more than one, so that their number shrinks. */
const SWEPT_PER_NEW = 2;

/** Idle rows that go when a row in use stays longer: that is every other minute, new ones or not. */
const SWEPT_PER_STAY = 50;

export interface LockRow {
  readonly name: string;
  readonly queue: string;
  readonly revocations: string;
}

/** The table of queues of one namespace, a row for each resource. */
export class LockRows {
  readonly #namespace: string;
  readonly #select: SqliteStatement;
  readonly #insert: SqliteStatement;
  readonly #update: SqliteStatement;
  readonly #updateStay: SqliteStatement;
  readonly #updateIf: SqliteStatement;
  readonly #sweep: SqliteStatement;
  readonly #selectAll: SqliteStatement;
  readonly #setRevocations: SqliteStatement;
  readonly #page: SqliteStatement;

  constructor(database: SqliteDatabase, namespace: string) {
    this.#namespace = stored(namespace);
    const one = "WHERE namespace = ? AND name = ?";
    this.#select = database.prepare(`SELECT queue FROM holdfast_lock ${one}`);
    this.#insert = database.prepare(
      "INSERT INTO holdfast_lock (queue, forget_at, namespace, name) VALUES (?, ?, ?, ?)",
    );
    this.#update = database.prepare(`UPDATE holdfast_lock SET queue = ? ${one}`);
    this.#updateStay = database.prepare(`UPDATE holdfast_lock SET queue = ?, forget_at = ? ${one}`);
    this.#updateIf = database.prepare(`UPDATE holdfast_lock SET queue = ? ${one} AND queue = ?`);
    this.#sweep = database.prepare(
      `DELETE FROM holdfast_lock WHERE (namespace, name) IN (SELECT namespace, name
       FROM holdfast_lock WHERE forget_at <= ? ORDER BY forget_at LIMIT ?)`,
    );
    this.#selectAll = database.prepare(`SELECT name, queue, revocations FROM holdfast_lock ${one}`);
    this.#setRevocations = database.prepare(`UPDATE holdfast_lock SET revocations = ? ${one}`);
    this.#page = database.prepare(
      `SELECT name, queue, revocations FROM holdfast_lock
       WHERE namespace = ? AND name >= ? ORDER BY name LIMIT ?`,
    );
  }

  queue(resource: string): string | undefined {
    const row = this.#select.get(this.#namespace, stored(resource));
    return (row as { readonly queue: string } | undefined)?.queue;
  }

  /** Stores the queue of a resource that has no row; some that are idle leave for it. */
  insert(resource: string, queue: string, forgetAt: number, now: number): void {
    this.#sweep.run(now, SWEPT_PER_NEW);
    this.#insert.run(queue, forgetAt, this.#namespace, stored(resource));
  }

  update(resource: string, queue: string): void {
    this.#update.run(queue, this.#namespace, stored(resource));
  }

  /** Also when the row may go; some that are idle go now. */
  updateStay(resource: string, queue: string, forgetAt: number, now: number): void {
    this.#updateStay.run(queue, forgetAt, this.#namespace, stored(resource));
    this.#sweep.run(now, SWEPT_PER_STAY);
  }

  /** Stores it only if the row still says what is expected; returns whether it did. */
  updateIf(resource: string, queue: string, expected: string): boolean {
    const { changes } = this.#updateIf.run(queue, this.#namespace, stored(resource), expected);
    return Number(changes) === 1;
  }

  addRevocation(resource: string, entry: Revocation): void {
    const before = JSON.parse(this.row(resource)?.revocations ?? "[]") as Revocation[];
    const text = JSON.stringify([...before, entry].slice(-REVOCATIONS_MAX));
    this.#setRevocations.run(text, this.#namespace, stored(resource));
  }

  row(resource: string): LockRow | undefined {
    return this.#selectAll.get(this.#namespace, stored(resource)) as LockRow | undefined;
  }

  /** At most `limit` rows from this name on, in binary order of the names as stored. */
  page(from: string, limit: number): readonly LockRow[] {
    return this.#page.all(this.#namespace, from, limit) as LockRow[];
  }
}
