import type { Session } from "../../backend.ts";
import { BackendError } from "../../errors.ts";
import { Checkpoints } from "./checkpoint.ts";
import { Collections } from "./collections.ts";
import type { SqliteDatabase, SqliteStatement } from "./driver.ts";
import { failure } from "./failure.ts";
import { LockRows } from "./lock-rows.ts";
import { LockTable } from "./lock-table.ts";
import { openDatabase, type Opened, type OpenOptions } from "./open.ts";
import { DatabasePlace } from "./place.ts";
import { Pruning } from "./prune.ts";
import { RecordRows } from "./records.ts";
import { Turn } from "./turn.ts";
import { mayLoseCommits, sqliteVersion } from "./version.ts";
import { Wake } from "./wake.ts";
import { Watch } from "./watch.ts";
import { Writer } from "./writer.ts";

export interface StoreOptions extends OpenOptions {
  readonly now: () => number;
}

/** How long a file that was replaced under us may go unnoticed. */
const CHECK_EVERY_MS = 1_000;

/** An open database, and all that works on it for one session. */
export class Store {
  readonly turn: Turn;
  readonly place: DatabasePlace;
  readonly locks: LockTable;
  readonly collections: Collections;
  readonly records: RecordRows;
  readonly pruning: Pruning;
  readonly watch: Watch;
  readonly writer: Writer;
  readonly wake: Wake;
  readonly #touch: SqliteStatement;
  readonly #checkpoints: Checkpoints | undefined;
  #checkedAt: number;

  static async open(
    source: string | SqliteDatabase,
    session: Session,
    options: StoreOptions,
  ): Promise<Store> {
    const opened = await openDatabase(source, options);
    try {
      return new Store(opened, session, options);
    } catch (error) {
      opened.close();
      throw failure("open", error);
    }
  }

  private constructor(
    readonly opened: Opened,
    readonly session: Session,
    readonly options: StoreOptions,
  ) {
    const { database } = opened;
    const { clock, busyMs, now } = options;
    this.turn = Turn.of(clock);
    this.place = new DatabasePlace(database);
    this.#checkpoints = this.#ownCheckpoints();
    this.locks = new LockTable(new LockRows(database, session.namespace));
    this.collections = new Collections(database, session.namespace);
    this.records = new RecordRows(database, this.collections, this.locks);
    this.pruning = new Pruning(database, this.collections);
    this.watch = new Watch(this.records.versions, clock);
    this.wake = new Wake(session, this.place.identity, this.place.wakeDirectory, clock, () =>
      this.writer.woken(),
    );
    this.writer = new Writer(database, {
      clock,
      busyMs,
      storeNow: now,
      check: () => this.#check(),
      send: (letters) => this.wake.send(letters),
      afterCommit: () => this.#checkpoints?.afterCommit(),
      line: this.wake.line,
    });
    this.#touch = database.prepare("SELECT schema FROM holdfast_meta");
    this.#checkedAt = clock.now();
  }

  /** Whether this SQLite's own checkpoints, which may lose commits, are replaced. */
  get guardsCheckpoints(): boolean {
    return this.#checkpoints !== undefined;
  }

  /** Reads something from the file; throws if that cannot be done or it is another file by now. */
  touch(): void {
    this.#refuseReplaced();
    this.#touch.get();
  }

  close(): void {
    this.wake.close();
    this.watch.close();
    const detail = "closed while the file was locked";
    this.writer.close(new BackendError("sqlite", "close", "not-applied", { detail }));
    this.#checkpoints?.close();
    this.opened.close();
  }

  #ownCheckpoints(): Checkpoints | undefined {
    const { database, again } = this.opened;
    if (again === undefined || !mayLoseCommits(sqliteVersion(database))) return undefined;
    return new Checkpoints(database, again(), `${this.place.file}-wal`);
  }

  #check(): void {
    const now = this.options.clock.now();
    if (now - this.#checkedAt < CHECK_EVERY_MS) return;
    this.#checkedAt = now;
    this.#refuseReplaced();
  }

  #refuseReplaced(): void {
    if (!this.place.wasReplaced) return;
    throw new Error(`"${this.place.file}" was deleted or replaced while open; restart this process`);
  }
}
