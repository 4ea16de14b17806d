import type { Backend, Guarantees, Session } from "../../backend.ts";
import { BackendError } from "../../errors.ts";
import { Calls, rowsOf } from "./calls.ts";
import type { MysqlCallbackPool, MysqlPool } from "./client.ts";
import { diagnose } from "./diagnose.ts";
import { Feed } from "./feed.ts";
import { Locks, type Room } from "./locks.ts";
import { migrate } from "./migrate.ts";
import { migrationSql } from "./migration.ts";
import { namesWith, type Names } from "./names.ts";
import type { MysqlOptions } from "./options.ts";
import { listenConnections, ownPool, type OwnPool } from "./own-pool.ts";
import { Push } from "./push.ts";
import { Records } from "./records.ts";
import { parseUrl } from "./url.ts";
import { SCHEMA_VERSION } from "./version.ts";

export type {
  MysqlCallbackPool,
  MysqlConnection,
  MysqlListenConnection,
  MysqlPool,
  MysqlPoolConnection,
  MysqlValue,
} from "./client.ts";
export { migrationSql } from "./migration.ts";
export type { MysqlOptions } from "./options.ts";

const CALL_MS = 5_000;
const PREFIX = "holdfast_";

const GUARANTEES: Guarantees = Object.freeze({
  clock: "server",
  leases: "durable",
  fencing: "grant",
  writes: "any",
  feed: "total",
  failover:
    "Replication is asynchronous by default: a replica that takes over may miss the last commits, so that " +
    "a lock has two holders until the first lease ends. Semi-synchronous replication avoids that while a " +
    "replica keeps up. Tokens and revisions grow with the servers' clocks, and fenced writes are the answer.",
});

/**
 * A backend on the MySQL 8 or MariaDB 10.6 (or later) that a pool of "mysql2" or "mysql2/promise"
 * connects to; the pool must name a database. It stays the caller's, who configures and ends it.
 * For pushes the backend opens two more connections like the pool's, and closes those. Where all
 * connections of the pool are taken by transactions that wait for a lock, its holder can neither
 * renew nor release it: give Holdfast a pool of its own then.
 *
 * @throws RangeError if the prefix is not a plain name.
 */
export function mysql(pool: MysqlPool | MysqlCallbackPool, options: MysqlOptions = {}): Backend {
  return new MysqlBackend("promise" in pool ? pool.promise() : pool, undefined, options);
}

/**
 * A backend on the server at a `mysql:` or `mariadb:` URL, over at most six connections of its
 * own, which `close` ends. Needs "mysql2" installed. The URL's parameter `prefix` is the option of
 * this name; all others are for "mysql2".
 *
 * @throws TypeError if it is no URL of a database, RangeError if the prefix is not a plain name.
 */
export async function mysqlFromUrl(url: string, options: MysqlOptions = {}): Promise<Backend> {
  const parsed = parseUrl(url);
  const merged = { ...parsed.options, ...options };
  namesWith(merged.prefix ?? PREFIX, SCHEMA_VERSION);
  const pool = await ownPool(parsed.url);
  return new MysqlBackend(pool, pool, merged);
}

interface Opened {
  readonly locks: Locks;
  readonly records: Records;
  readonly feed: Feed;
}

class MysqlBackend implements Backend {
  readonly name = "mysql";
  readonly guarantees = GUARANTEES;
  readonly #calls: Calls;
  readonly #names: Names;
  #opened: Opened | undefined;
  #push: Push | undefined;

  constructor(
    readonly pool: MysqlPool,
    readonly own: OwnPool | undefined,
    readonly options: MysqlOptions,
  ) {
    this.#calls = new Calls(pool, options.callMs ?? CALL_MS);
    this.#names = namesWith(options.prefix ?? PREFIX, SCHEMA_VERSION);
  }

  migrationSql: NonNullable<Backend["migrationSql"]> = () => migrationSql(this.options.prefix);

  async open(session: Session): Promise<void> {
    try {
      await migrate(this.#calls, this.#names);
      const room = await this.#room(session);
      const locks = new Locks(this.#calls, room);
      const records = new Records(this.#calls, room);
      this.#opened = { locks, records, feed: new Feed(this.#calls, room) };
      const make = listenConnections(this.pool);
      if (make === undefined) return;
      this.#push = new Push(make, room, locks.crowded.overhearing(session.listener));
      await this.#push.open();
    } catch (cause) {
      // Whatever failed: no lock is taken yet.
      throw cause instanceof BackendError
        ? cause
        : new BackendError("mysql", "open", "not-applied", { cause });
    }
  }

  async #room(session: Session): Promise<Room> {
    const table = this.#names.table("space");
    const namespace = Buffer.from(session.namespace);
    const find = `SELECT id, @@autocommit AS autocommit FROM ${table} WHERE namespace = ?`;
    const row = await this.#calls.onConnection(async (connection) => {
      const [found] = await rowsOf(connection, find, [namespace]);
      if (found !== undefined) return found;
      const text = `INSERT INTO ${table} (namespace) VALUES (?) ON DUPLICATE KEY UPDATE id = id`;
      await connection.execute(text, [namespace]);
      return (await rowsOf(connection, find, [namespace]))[0];
    });
    if (Number(row?.["autocommit"]) !== 1) {
      throw new Error("autocommit is off in the pool's sessions: give Holdfast a pool that leaves it on");
    }
    const { now } = this.options;
    return {
      names: this.#names,
      space: Number(row?.["id"]),
      session,
      given: now === undefined ? () => null : () => Math.round(now() * 1000),
    };
  }

  get #it(): Opened {
    if (this.#opened === undefined) throw new Error("open() comes first");
    return this.#opened;
  }

  admit: Backend["admit"] = (requests) => this.#it.locks.admit(requests);
  renew: Backend["renew"] = (requests) => this.#it.locks.renew(requests);
  release: Backend["release"] = (requests) => this.#it.locks.release(requests);
  revoke: Backend["revoke"] = (request) => this.#it.locks.revoke(request);
  inspect: Backend["inspect"] = (resource) => this.#it.locks.inspect(resource);
  list: Backend["list"] = (page) => this.#it.locks.list(page);
  read: Backend["read"] = (collection, key) => this.#it.records.read(collection, key);
  write: Backend["write"] = (writes) => this.#it.records.write(writes);
  scan: Backend["scan"] = (collection, page) => this.#it.records.scan(collection, page);
  find: Backend["find"] = (collection, page) => this.#it.records.find(collection, page);
  history: Backend["history"] = (collection, key, page) => this.#it.records.history(collection, key, page);
  version: Backend["version"] = (collection, key, revision) =>
    this.#it.records.version(collection, key, revision);
  changes: Backend["changes"] = (collection, after, limit) =>
    this.#it.feed.changes(collection, after, limit);
  feedEnd: Backend["feedEnd"] = (collection) => this.#it.feed.end(collection);
  prune: Backend["prune"] = (request) => this.#it.feed.prune(request);
  time: Backend["time"] = () => this.#it.locks.time();

  diagnose: NonNullable<Backend["diagnose"]> = () =>
    diagnose(this.#calls, { isListening: this.#push !== undefined });

  async close(): Promise<void> {
    this.#push?.close();
    // Waits for connections that may hang; they keep nobody alive.
    void this.own?.end().catch(() => undefined);
  }
}
