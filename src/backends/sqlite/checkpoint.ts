import { statSync } from "node:fs";
import { attempt } from "./attempt.ts";
import type { SqliteDatabase, SqliteStatement } from "./driver.ts";

/** The log is carried over into the database when it is longer than this; SQLite's own default is about it. */
const LOG_BYTES = 4_194_304;

/** What the log is cut back to afterwards, so that its length tells how much is in it. */
const KEPT_BYTES = LOG_BYTES / 2;

/** Looking at the log's length costs a system call. */
const LOOK_EVERY_COMMITS = 16;

/**
 * Checkpoints in place of SQLite's own, for versions whose own may lose commits (see `mayLoseCommits`): here no
 * process can commit, hence none can reset the log, while a checkpoint runs. SQLite does not checkpoint inside
 * a transaction, so one connection holds the write lock and another one works.
 */
export class Checkpoints {
  readonly #begin: SqliteStatement;
  readonly #rollback: SqliteStatement;
  readonly #work: SqliteStatement;
  #commits = 0;

  constructor(
    database: SqliteDatabase,
    /** A second connection to the same file. */
    readonly second: SqliteDatabase,
    readonly log: string,
  ) {
    for (const each of [database, second]) {
      each.exec("PRAGMA busy_timeout = 0");
      each.prepare("PRAGMA wal_autocheckpoint = 0").get();
      each.prepare(`PRAGMA journal_size_limit = ${KEPT_BYTES}`).get();
    }
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#rollback = database.prepare("ROLLBACK");
    this.#work = second.prepare("PRAGMA wal_checkpoint(PASSIVE)");
  }

  /** To be called outside of transactions. */
  afterCommit(): void {
    this.#commits += 1;
    if (this.#commits % LOOK_EVERY_COMMITS !== 0) return;
    const length = attempt(() => statSync(this.log).size) ?? 0;
    /* Whoever commits next tries again, if this fails. */
    if (length > LOG_BYTES) attempt(() => this.#run());
  }

  close(): void {
    attempt(() => this.second.close());
  }

  #run(): void {
    this.#begin.run();
    try {
      this.#work.get();
    } finally {
      this.#rollback.run();
    }
  }
}
