import type {
  Admission,
  AdmitRequest,
  Guarantees,
  Inspection,
  LockBackend,
  Page,
  Place,
  Release,
  ReleaseRequest,
  Renewal,
  RenewRequest,
  Reply,
  RevokeRequest,
  Session,
} from "../../backend.ts";
import { systemClock } from "../../clock.ts";
import { ClosedError } from "../../errors.ts";
import { ZooKeeperClient } from "./client/client.ts";
import type { SessionState } from "./client/session-options.ts";
import { allOf, asBackendError, NAME } from "./failure.ts";
import { Locks } from "./locks.ts";
import { Looking } from "./looking.ts";
import type { CheckedOptions } from "./options.ts";
import { StoreTime } from "./store-time.ts";

interface Opened {
  readonly client: ZooKeeperClient;
  readonly time: StoreTime;
  readonly locks: Locks;
  readonly looking: Looking;
}

/** Locks on a ZooKeeper ensemble, over one session of this process. */
export class ZooKeeperBackend implements LockBackend {
  readonly name = NAME;
  readonly guarantees: Guarantees = Object.freeze({
    clock: "server",
    leases: "durable",
    fencing: "write",
    writes: "any",
  feed: "partition",
    failover:
      "What a majority of the servers has agreed to survives the loss of the others: no lock is forgotten " +
      "or given twice. Without a majority nothing is granted, and leases run out.",
  });
  #opened: Opened | undefined;

  constructor(private readonly options: CheckedOptions) {}

  async open(session: Session): Promise<void> {
    const { servers, sessionTimeoutMs, tls, digest, chroot } = this.options;
    let wasConnected = false;
    const client = new ZooKeeperClient({
      servers,
      timeoutMs: sessionTimeoutMs,
      tls,
      ...(digest === undefined ? {} : { digest }),
      chroot,
      clock: systemClock,
      onState: (state: SessionState) => {
        if (state === "expired") locks.expired();
        if (state !== "connected") return;
        if (wasConnected) locks.reconnected();
        wasConnected = true;
      },
    });
    const time = new StoreTime(this.options.clock ?? systemClock, () => client.session.provenUntil);
    const locks = new Locks(client, session, time, (count) => (client.session.proves = count > 0));
    const looking = new Looking(client, time, locks.places);
    try {
      await client.session.open(sessionTimeoutMs);
      // Fails here rather than at the first lock where the rights are missing.
      await client.ensure(locks.places.namespacePath);
    } catch (cause) {
      client.session.close(true);
      throw asBackendError("open", cause);
    }
    this.#opened = { client, time, locks, looking };
  }

  async time(): Promise<number> {
    const { client, time } = this.#open;
    await client.sync("/").catch((cause: unknown) => Promise.reject(asBackendError("time", cause)));
    return time.now();
  }

  async admit(requests: readonly AdmitRequest[]): Promise<Reply<Admission>> {
    const { locks, time } = this.#open;
    const now = time.now();
    return { now, results: await allOf("admit", requests.map((each) => locks.admit(each, now))) };
  }

  async renew(requests: readonly RenewRequest[]): Promise<Reply<Renewal>> {
    const { locks, time } = this.#open;
    const now = time.now();
    try {
      return { now, results: await locks.renew(requests, now) };
    } catch (cause) {
      throw asBackendError("renew", cause);
    }
  }

  async release(requests: readonly ReleaseRequest[]): Promise<Reply<Release>> {
    const { locks, time } = this.#open;
    const now = time.now();
    return { now, results: await allOf("release", requests.map((each) => locks.release(each))) };
  }

  async revoke(request: RevokeRequest): Promise<readonly Place[]> {
    const { locks } = this.#open;
    try {
      return await locks.force.revoke(locks.places.pathOf(request.resource), request);
    } catch (cause) {
      throw asBackendError("revoke", cause);
    }
  }

  async inspect(resource: string): Promise<Inspection> {
    try {
      return await this.#open.looking.inspect(resource);
    } catch (cause) {
      throw asBackendError("inspect", cause);
    }
  }

  async list(page: Page): Promise<readonly Inspection[]> {
    try {
      return await this.#open.looking.list(page);
    } catch (cause) {
      throw asBackendError("list", cause);
    }
  }

  /** With places left, the session runs out by itself, and they with it. */
  async close(): Promise<void> {
    this.#opened?.client.session.close(this.#opened.locks.places.size === 0);
  }

  get #open(): Opened {
    if (this.#opened === undefined) throw new ClosedError(NAME);
    return this.#opened;
  }
}
