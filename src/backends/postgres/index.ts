import { createHash } from "node:crypto";
import type { Backend, Guarantees, Session } from "../../backend.ts";
import { BackendError } from "../../errors.ts";
import { Calls } from "./calls.ts";
import type { PostgresListenClient, PostgresPool } from "./client.ts";
import { diagnose } from "./diagnose.ts";
import type { Durability } from "./durability.ts";
import { Feed } from "./feed.ts";
import { Locks, type Room } from "./locks.ts";
import { migrate } from "./migrate.ts";
import { checkedDurability, migrationSql } from "./migration.ts";
import { schemaName, stored } from "./names.ts";
import type { PostgresOptions } from "./options.ts";
import { listenClients, ownPool, type OwnPool } from "./own-pool.ts";
import { channelOf, isPooler, Push } from "./push.ts";
import { Records } from "./records.ts";
import { parseUrl } from "./url.ts";

export type { PostgresClient, PostgresListenClient, PostgresPool, PostgresQuery } from "./client.ts";
export type { Durability } from "./durability.ts";
export { migrationSql } from "./migration.ts";
export type { PostgresOptions } from "./options.ts";

const CALL_MS = 5_000;

const DURABLE: Guarantees = Object.freeze({
  clock: "server",
  leases: "durable",
  fencing: "grant",
  writes: "any",
  feed: "total",
  failover:
    "With a synchronous standby nothing that was answered is forgotten. An asynchronous one may miss the " +
    "last commits when it takes over, so that a lock has two holders until the first lease ends; tokens " +
    "and revisions grow with the servers' clocks, and fenced writes are the answer.",
});

const RELAXED: Guarantees = Object.freeze({
  ...DURABLE,
  leases: "volatile",
  failover:
    "A crash of the server and a standby that takes over forget all locks. Then nothing is granted until " +
    "the longest lease that was ever asked for has passed, and no lock has two holders while the old " +
    "server is down. Records that an asynchronous standby misses are lost.",
});

/**
 * A backend on the database that a pool of "pg" connects to. The pool stays the caller's, who
 * configures and ends it; give it an `error` listener, as every pool of "pg" needs. For pushes the
 * backend opens one more connection like the pool's, and closes that. Where all connections of the
 * pool are taken by transactions that wait for a lock, its holder can neither renew nor release it:
 * give Holdfast a pool of its own then.
 *
 * @throws RangeError if the schema is not a plain name, or the durability unknown.
 */
export function postgres(pool: PostgresPool, options: PostgresOptions = {}): Backend {
  return new PostgresBackend(pool, undefined, options);
}

/**
 * A backend on the PostgreSQL at a `postgres:` or `postgresql:` URL, over at most five connections
 * of its own, which `close` ends. Needs "pg" installed. The URL's parameters `schema` and `listen`
 * are the options of these names; all others are for "pg".
 *
 * @throws TypeError if it is no URL, RangeError if the schema is not a plain name.
 */
export async function postgresFromUrl(url: string, options: PostgresOptions = {}): Promise<Backend> {
  const parsed = parseUrl(url);
  const merged = { ...parsed.options, ...options };
  schemaName(merged.schema ?? "holdfast");
  checkedDurability(merged.durability ?? "durable");
  const pool = await ownPool(parsed.url);
  return new PostgresBackend(pool, pool, merged);
}

interface Opened {
  readonly locks: Locks;
  readonly records: Records;
  readonly feed: Feed;
}

class PostgresBackend implements Backend {
  readonly name = "postgres";
  readonly guarantees: Guarantees;
  readonly #calls: Calls;
  readonly #durability: Durability;
  readonly #schema: string;
  #opened: Opened | undefined;
  #push: Push | undefined;

  constructor(
    readonly pool: PostgresPool,
    readonly own: OwnPool | undefined,
    readonly options: PostgresOptions,
  ) {
    this.#calls = new Calls(pool, options.callMs ?? CALL_MS);
    this.#schema = schemaName(options.schema ?? "holdfast");
    this.#durability = checkedDurability(options.durability ?? "durable");
    this.guarantees = this.#durability === "durable" ? DURABLE : RELAXED;
  }

  async open(session: Session): Promise<void> {
    try {
      await migrate(this.#calls, this.options.schema ?? "holdfast", this.#schema, this.#durability);
      const room = await this.#room(session);
      this.#opened = {
        locks: new Locks(this.#calls, room),
        records: new Records(this.#calls, room),
        feed: new Feed(this.#calls, room),
      };
      const clients = await this.#listenClients();
      if (clients === undefined) return;
      this.#push = new Push(clients, channelOf(room.channels, session.processId), session.listener);
      await this.#push.open();
    } catch (cause) {
      // Whatever failed: no lock is taken yet.
      throw cause instanceof BackendError
        ? cause
        : new BackendError("postgres", "open", "not-applied", { cause });
    }
  }

  async #room(session: Session): Promise<Room> {
    const schema = this.#schema;
    const namespace = stored(session.namespace);
    const [space, isDirect] = await this.#calls.onClient(async (client) => {
      const { rows } = await client.query({ text: "SELECT pg_backend_pid() AS pid" });
      const find = { text: `SELECT id FROM ${schema}.space WHERE namespace = $1`, values: [namespace] };
      let found = (await client.query(find)).rows[0];
      if (found === undefined) {
        const text = `INSERT INTO ${schema}.space (namespace) VALUES ($1) ON CONFLICT DO NOTHING`;
        await client.query({ text, values: [namespace] });
        found = (await client.query(find)).rows[0];
      }
      return [Number(found?.["id"]), !isPooler(client, rows[0])];
    });
    this.#calls.isDirect = isDirect;
    const { now } = this.options;
    return {
      schema,
      durability: this.#durability,
      space,
      // 63 bytes at most, and 32 of them are the process's.
      channels: `holdfast_${createHash("md5").update(`${schema} ${space}`).digest("hex").slice(0, 16)}_`,
      session,
      given: now === undefined ? () => null : () => Math.round(now() * 1000),
    };
  }

  async #listenClients(): Promise<(() => PostgresListenClient) | undefined> {
    if (this.options.listenUrl !== undefined) return listenClients(this.options.listenUrl);
    const { Client, options } = this.pool;
    // Behind a pooler nothing would be heard, and the session that listens would be somebody else's next.
    if (Client === undefined || options === undefined || !this.#calls.isDirect) return undefined;
    // The password and its like are there, but not for copying.
    const password = (options as { readonly password?: unknown }).password;
    const given = { ...options, ...(password === undefined ? {} : { password }), keepAlive: true };
    return () => new Client(given);
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

  migrationSql: NonNullable<Backend["migrationSql"]> = () =>
    migrationSql(this.options.schema, this.#durability);

  diagnose: NonNullable<Backend["diagnose"]> = () =>
    diagnose(this.#calls, {
      isListening: this.#push !== undefined && !this.#push.isPooled,
      locks: this.#durability,
    });

  async close(): Promise<void> {
    this.#push?.close();
    // Waits for connections that may hang; they keep nobody alive.
    void this.own?.end().catch(() => undefined);
  }
}
