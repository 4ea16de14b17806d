import type { Admission, Session } from "../../backend.ts";
import { systemClock, type Cancel } from "../../clock.ts";
import type { Gateway } from "./gateway.ts";
import { Holdings, type Holding } from "./holdings.ts";
import { Leases } from "./leases.ts";
import { fromBase64, keyspace, type Keyspace } from "./names.ts";
import { keptOf, type Kept } from "./place.ts";
import { processOf } from "./queue.ts";
import * as op from "./transaction.ts";
import { Watch, type Event } from "./watch.ts";

const RETRY_MS = 500;

/** What one open session works with: its leases, its places, the watch, and transactions. */
export class Work {
  readonly keys: Keyspace;
  readonly leases: Leases;
  readonly holdings: Holdings;
  readonly #watch: Watch;
  readonly #retries = new Set<Cancel>();
  #isClosed = false;

  constructor(
    readonly session: Session,
    private readonly gateway: Gateway,
  ) {
    this.keys = keyspace(session.namespace);
    this.leases = new Leases(
      gateway,
      () => !this.holdings.isEmpty,
      () => session.listener.look(),
    );
    this.holdings = new Holdings(session, this.keys, this.leases, (each) => this.remove(each));
    this.#watch = new Watch(gateway, this.keys.all, {
      events: (revision, events) => this.#events(revision, events),
      resync: () => this.#resync(),
    });
  }

  async open(): Promise<void> {
    const { header } = await this.transact(op.txn([], [op.get(this.keys.all)]));
    await this.#watch.open(Number(header.revision));
  }

  /** @throws NotSent, Refusal, or what broke the connection */
  async transact(request: op.Txn): Promise<op.TxnReply> {
    return this.gateway.call<op.TxnReply>("/v3/kv/txn", request);
  }

  read(resource: string, revision: number, places: readonly Kept[]): void {
    if (!this.holdings.read(resource, revision, places)) this.#watch.suspect();
  }

  /** The answer, once its place is known to be there; a place that is not wanted any more goes. */
  admission(holding: Holding): Admission {
    if (holding.state === "ended") this.remove(this.holdings.deletion(holding));
    else if (holding.state === "asking") this.holdings.end(holding, "gone");
    return this.holdings.admission(holding);
  }

  /** This process has written, so the watch must tell of that revision. */
  wrote(revision: number): void {
    if (this.#watch.seen < revision) this.#watch.suspect();
  }

  /** Tried again until it is done. */
  remove(deletion: op.Txn): void {
    this.transact(deletion).catch(() => {
      if (this.#isClosed) return;
      const cancel = systemClock.timer(
        RETRY_MS,
        () => {
          this.#retries.delete(cancel);
          this.remove(deletion);
        },
        { keepAlive: false },
      );
      this.#retries.add(cancel);
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const cancel of this.#retries) cancel();
    this.#watch.close();
    this.leases.close();
    this.holdings.close();
  }

  #events(revision: number, events: readonly Event[]): void {
    const touched = new Set<string>();
    let isTheft = false;
    for (const { type, kv } of events) {
      const key = fromBase64(kv.key);
      const parsed = this.keys.parse(key);
      if (parsed?.kind !== "place") continue;
      const { resource, rest } = parsed;
      if (type !== "DELETE" && this.holdings.at(key) === undefined) this.#sweep(resource, rest, kv);
      // Values of others' places are read where one of ours stands beside them.
      if (!this.holdings.concerns(resource, key, revision)) continue;
      const kept = type === "DELETE" ? undefined : keptOf(this.keys, kv)?.kept;
      this.holdings.change(resource, { revision, key, kept });
      isTheft ||= kept?.written?.front === true && kept.createRevision === revision;
      touched.add(resource);
    }
    for (const resource of touched) this.holdings.settle(resource, isTheft ? "stolen" : "revoked");
  }

  /** A place of ours that ended before its admission took effect, which came late. */
  #sweep(resource: string, rest: string, kv: op.KeyValue): void {
    if (processOf(rest) !== this.session.processId) return;
    const kept = keptOf(this.keys, kv)?.kept;
    if (kept === undefined || !this.holdings.isLeftOver(resource, kept.leaseId, kept.createRevision)) return;
    this.remove(op.txn([op.isFrom(kept.key, kept.createRevision)], [op.remove(kept.key)]));
  }

  /** Events are lost: reads all places of the namespace, and has waiting callers ask again. */
  async #resync(): Promise<number> {
    const reply = await this.transact(op.txn([], [op.getAll(this.keys.all)]));
    const revision = Number(reply.header.revision);
    const kvs = reply.responses?.[0]?.response_range?.kvs ?? [];
    const byResource = new Map<string, Kept[]>(this.holdings.resources.map((resource) => [resource, []]));
    for (const kv of kvs) {
      const place = keptOf(this.keys, kv);
      if (place === undefined) continue;
      byResource.get(place.resource)?.push(place.kept);
      const rest = this.keys.parse(place.kept.key)?.rest ?? "";
      if (this.holdings.at(place.kept.key) === undefined) this.#sweep(place.resource, rest, kv);
    }
    for (const [resource, places] of byResource) this.holdings.read(resource, revision, places);
    this.session.listener.look();
    return revision;
  }
}
