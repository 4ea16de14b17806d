import type { Backend, Guarantees, Session } from "../../backend.ts";
import { notYet } from "../not-yet.ts";
import { systemClock } from "../../clock.ts";
import { BackendError } from "../../errors.ts";
import type { Connection } from "./client.ts";
import { diagnose } from "./diagnose.ts";
import { asBackendError, NotSent } from "./failure.ts";
import { Keys, laneOf } from "./keys.ts";
import { list } from "./listing.ts";
import { LOCK_SCRIPTS } from "./lock-scripts.ts";
import { Locks } from "./locks.ts";
import { Push } from "./push.ts";
import { RECORD_SCRIPTS } from "./record-scripts.ts";
import { Records } from "./records.ts";
import { Scripts } from "./scripts.ts";

export interface RedisOptions {
  /** The store's clock, ms since 1970, for simulators. Default: the server's. */
  readonly now?: () => number;
}

const FAILOVER =
  "Replication is asynchronous: when a replica takes over, locks just granted and records just " +
  "written may be forgotten, so that a lock has two holders until the earlier one's next renewal " +
  "is refused; tokens grow with the servers' clocks, and fenced writes are the answer.";

const GUARANTEES: Guarantees = Object.freeze({
  clock: "server",
  leases: "volatile",
  fencing: "grant",
  writes: "any",
  feed: "total",
  failover: FAILOVER,
});

/**
 * A lock and the records that it fences need not lie in one slot, which is all that a step can see.
 */
const CLUSTER_GUARANTEES: Guarantees = Object.freeze({
  ...GUARANTEES,
  fencing: "write",
  writes: "partition",
  feed: "partition",
});

/** The verbs over a connection, whichever client and topology it is of. */
export function backendOver(connection: Connection, options: RedisOptions): Backend {
  const { now } = options;
  const given = (): string => (now === undefined ? "" : String(now()));
  const lockScripts = new Scripts(connection, LOCK_SCRIPTS);
  const recordScripts = new Scripts(connection, RECORD_SCRIPTS);
  let opened: Opened | undefined;
  const it = (): Opened => {
    if (opened === undefined) throw new Error("open() comes first");
    return opened;
  };
  const attempt = async <T>(operation: string, run: () => Promise<T>): Promise<T> => {
    try {
      return await run();
    } catch (cause) {
      throw asBackendError(operation, cause);
    }
  };
  const open = async (session: Session): Promise<void> => {
    await connection.open();
    await Promise.all([lockScripts.load(), recordScripts.load()]);
    const keys = new Keys(session.namespace);
    opened?.push.close();
    const read = (key: string): Promise<unknown> => connection.send(key, ["GET", key]);
    opened = {
      keys,
      push: new Push(connection, keys, session),
      locks: new Locks(lockScripts, keys, session, given),
      records: new Records(recordScripts, keys, given, read, connection.isCluster),
    };
    await opened.push.open();
  };
  return {
    name: "redis",
    guarantees: connection.isCluster ? CLUSTER_GUARANTEES : GUARANTEES,
    open: (session) =>
      bounded(open(session)).catch((cause: unknown) => {
        // Whatever failed: nothing is stored yet.
        throw new BackendError("redis", "open", "not-applied", { cause });
      }),
    admit: (requests) => attempt("admit", () => it().locks.admit(requests)),
    renew: (requests) => attempt("renew", () => it().locks.renew(requests)),
    release: (requests) => attempt("release", () => it().locks.release(requests)),
    revoke: (request) => attempt("revoke", () => it().locks.revoke(request)),
    inspect: (resource) =>
      attempt("inspect", async () => (await it().locks.inspect([resource]))[0]!),
    list: (page) => attempt("list", () => list(connection, it().keys, it().locks, page)),
    read: (collection, key) => attempt("read", () => it().records.read(collection, key)),
    write: (writes) => attempt("write", () => it().records.write(writes)),
    scan: (collection, page) => attempt("scan", () => it().records.scan(collection, page)),
    ...notYet("redis"),
    ...(connection.isCluster && { lane: (resource) => laneOf(it().keys.lock(resource)) }),
    time: () => attempt("time", async () => now?.() ?? timeOf(connection)),
    diagnose: () => attempt("diagnose", () => diagnose(connection)),
    async close() {
      opened?.push.close();
      connection.close();
    },
  };
}

interface Opened {
  readonly keys: Keys;
  readonly push: Push;
  readonly locks: Locks;
  readonly records: Records;
}

/**
 * Clients wait for a server without bounds. Of ours, this alone keeps the process alive while they
 * connect.
 */
function bounded(opening: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = systemClock.timer(
      OPEN_MAX_MS,
      () => reject(new NotSent(`not connected within ${OPEN_MAX_MS} ms`)),
      { keepAlive: true },
    );
    opening.then(resolve, reject).finally(cancel);
  });
}

const OPEN_MAX_MS = 10_000;

async function timeOf(connection: Connection): Promise<number> {
  const [seconds, micros] = (await connection.send("", ["TIME"])) as readonly string[];
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}
