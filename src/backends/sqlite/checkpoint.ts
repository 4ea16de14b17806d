import { statSync } from "node:fs";
import { attempt } from "./attempt.ts";
import { begin, type SqliteDatabase, type SqliteStatement } from "./driver.ts";

/**
 * A log longer than this is carried over into the database; SQLite's own default is about the same.
 * When it starts afresh it is cut back to this, so that a longer one has really grown since.
 */
const LOG_BYTES = 4_194_304;

/** Looking at the log's length costs a system call. */
const LOOK_EVERY_COMMITS = 16;

/**
 * Checkpoints in place of SQLite's own, for versions whose own may lose commits (see
 * `mayLoseCommits`): here no process can commit, hence none can reset the log, while a checkpoint
 * runs. SQLite does not checkpoint inside a transaction, so one connection holds the write lock and
 * another one works.
 */
export class Checkpoints {
  readonly #work: SqliteStatement;
  #commits = 0;

  constructor(
    readonly database: SqliteDatabase,
    /** A second connection to the same file. */
    readonly second: SqliteDatabase,
    readonly log: string,
  ) {
    for (const each of [database, second]) {
      each.exec("PRAGMA busy_timeout = 0");
      each.prepare("PRAGMA wal_autocheckpoint = 0").get();
      each.prepare(`PRAGMA journal_size_limit = ${LOG_BYTES}`).get();
    }
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
    begin(this.database);
    try {
      this.#work.get();
    } finally {
      this.database.exec("ROLLBACK");
    }
  }
}
