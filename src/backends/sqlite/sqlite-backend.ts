import type {
  Admission,
  AdmitRequest,
  Backend,
  EntryPage,
  FeedPage,
  FeedPosition,
  Finding,
  FoundRecord,
  Guarantees,
  HistoryPage,
  Inspection,
  Page,
  Place,
  PruneRequest,
  Release,
  ReleaseRequest,
  Renewal,
  RenewRequest,
  Reply,
  RevokeRequest,
  Session,
  StoredRecord,
  StoredVersion,
  Write,
  WriteOutcome,
} from "../../backend.ts";
import { BackendError } from "../../errors.ts";
import { submitEach, submitOne } from "./call.ts";
import { diagnose } from "./diagnose.ts";
import type { SqliteDatabase } from "./driver.ts";
import { startOf } from "./entries.ts";
import { inspectionOf } from "./inspection.ts";
import type { OpenOptions } from "./open.ts";
import { placeOf, positionAt, feedPage } from "./feed.ts";
import { collect } from "./page.ts";
import { shown } from "./head.ts";
import { untilFree } from "./retry.ts";
import { Store } from "./store.ts";
import { versionOf } from "./versions.ts";

const GUARANTEES: Guarantees = Object.freeze({
  clock: "host",
  leases: "durable",
  fencing: "grant",
  writes: "any",
  feed: "total",
  failover:
    "One machine: when it is down, nobody works. A crash of processes loses nothing; a power cut may take " +
    "back the last commits, unless `synchronous` is full.",
});

export interface SqliteBackendOptions extends OpenOptions {
  readonly now: () => number;
}

export class SqliteBackend implements Backend {
  readonly name = "sqlite";
  readonly guarantees: Guarantees = GUARANTEES;
  #store: Store | undefined;
  #closed = false;

  constructor(
    readonly source: string | SqliteDatabase,
    readonly options: SqliteBackendOptions,
  ) {}

  async open(session: Session): Promise<void> {
    const store = await Store.open(this.source, session, this.options);
    if (this.#closed) store.close();
    else this.#store = store;
  }

  async admit(requests: readonly AdmitRequest[]): Promise<Reply<Admission>> {
    const { session, locks, writer } = this.#opened("admit");
    return submitEach(writer, "admit", requests, (request, transaction) =>
      locks.step(request.resource, transaction, (step) =>
        step.admit(session, request),
      ),
    );
  }

  async renew(requests: readonly RenewRequest[]): Promise<Reply<Renewal>> {
    const { locks, writer } = this.#opened("renew");
    return submitEach(writer, "renew", requests, (request, transaction) =>
      locks.step(request.resource, transaction, (step) => step.renew(request)),
    );
  }

  async release(requests: readonly ReleaseRequest[]): Promise<Reply<Release>> {
    const { locks, writer } = this.#opened("release");
    return submitEach(writer, "release", requests, ({ resource, leaseId }, transaction) =>
      locks.step(resource, transaction, (step) => step.release(leaseId)),
    );
  }

  async revoke(request: RevokeRequest): Promise<readonly Place[]> {
    const { locks, writer } = this.#opened("revoke");
    return submitOne(writer, "revoke", (transaction) =>
      locks.revoke(request, transaction),
    );
  }

  inspect(resource: string): Promise<Inspection> {
    return this.#read("inspect", ({ locks }) =>
      inspectionOf(resource, locks.rows.row(resource), this.options.now()),
    );
  }

  async list(page: Page): Promise<readonly Inspection[]> {
    const fetch = (from: string, limit: number) =>
      this.#read("list", ({ locks }) => locks.rows.page(from, limit));
    return collect(page, fetch, (name, row) => {
      const inspection = inspectionOf(name, row, this.options.now());
      return inspection.places.length > 0 ? inspection : null;
    });
  }

  read(collection: string, key: string): Promise<StoredRecord | null> {
    return this.#read("read", ({ records }) =>
      records.read(collection, key),
    );
  }

  async write(writes: readonly Write[]): Promise<WriteOutcome> {
    const { collections } = this.#opened("write");
    for (const { collection } of writes) {
      // Awaits nothing where all are known: what was asked for first is done first.
      if (collections.known(collection) === undefined) await this.#make("write", collection);
    }
    const { records, watch, writer } = this.#opened("write");
    const outcome = await submitOne(writer, "write", (transaction) => records.write(writes, transaction));
    if (outcome.kind === "written") watch.committed(new Set(writes.map(({ collection }) => collection)));
    return outcome;
  }

  async scan(collection: string, page: Page): Promise<readonly StoredRecord[]> {
    const fetch = (from: string, limit: number) =>
      this.#read("scan", ({ records }) =>
        records.page(collection, from, limit),
      );
    return collect(page, fetch, shown);
  }

  async find(collection: string, page: EntryPage): Promise<readonly FoundRecord[]> {
    const found: FoundRecord[] = [];
    let after = startOf(page);
    for (let more = true; more && found.length < page.limit; ) {
      const part = await this.#read("find", ({ collections, records }) => {
        const id = collections.find(collection);
        if (id === undefined) return { found: [], more: false };
        return records.entries.page(id, page, after, page.limit - found.length);
      });
      found.push(...part.found);
      const last = part.found.at(-1);
      if (last !== undefined) after = { value: last.value, key: last.record.key };
      more = part.more;
    }
    return found;
  }

  history(collection: string, key: string, page: HistoryPage): Promise<readonly StoredVersion[]> {
    return this.#read("history", ({ records }) => {
      const { versions } = records;
      const id = records.idOf(collection, key);
      if (id === undefined) return [];
      const before = page.after === undefined ? Infinity : versions.byRevision(id, page.after)?.place;
      const from = Math.min(before ?? 0, Number.MAX_SAFE_INTEGER);
      return versions.history(id, from, page.limit).map((row) => versionOf(key, row));
    });
  }

  version(collection: string, key: string, revision: string): Promise<StoredVersion | null> {
    return this.#read("version", ({ records }) => {
      const id = records.idOf(collection, key);
      const row = id === undefined ? undefined : records.versions.byRevision(id, revision);
      return row === undefined ? null : versionOf(key, row);
    });
  }

  changes(collection: string, after: FeedPosition | null, limit: number): Promise<FeedPage> {
    const place = after === null ? 0 : placeOf(after);
    return this.#read("changes", ({ collections, records }) =>
      feedPage(collections, records.versions, collection, place, limit),
    );
  }

  feedEnd(_collection: string): Promise<FeedPosition> {
    return this.#read("feedEnd", ({ records }) => positionAt(records.versions.end()));
  }

  watch(collection: string, changed: () => void): () => void {
    return this.#opened("watch").watch.add(collection, changed);
  }

  async prune(request: PruneRequest): Promise<number> {
    await this.#read("prune", ({ collections }) => collections.find(request.collection));
    const { pruning, writer } = this.#opened("prune");
    return submitOne(writer, "prune", () => pruning.prune(request));
  }

  time(): Promise<number> {
    return this.#read("time", (store) => {
      store.touch();
      return this.options.now();
    });
  }

  diagnose(): Promise<readonly Finding[]> {
    return this.#read("diagnose", diagnose);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#store?.close();
    this.#store = undefined;
  }

  /** Sees to it that the collection has its row, in a transaction of its own: then it is known for good. */
  async #make(operation: string, collection: string): Promise<void> {
    const { collections, writer } = this.#opened(operation);
    const find = (): Promise<number | undefined> => this.#read(operation, () => collections.find(collection));
    if ((await find()) !== undefined) return;
    await submitOne(writer, operation, () => collections.make(collection));
    await find();
  }

  /**
   * Readers never wait for a writer; they wait while the last process that had the file open tidies
   * up.
   */
  async #read<T>(operation: string, query: (store: Store) => T): Promise<T> {
    const store = this.#opened(operation);
    await store.turn.free();
    const { clock, busyMs } = this.options;
    return untilFree(clock, busyMs, operation, () => query(this.#opened(operation)));
  }

  #opened(operation: string): Store {
    if (this.#store !== undefined) return this.#store;
    const detail = this.#closed ? "it is closed" : "open() comes first";
    throw new BackendError("sqlite", operation, "not-applied", { detail });
  }
}
