import { ConflictError } from "../errors.ts";
import { emit } from "../events.ts";
import type { Lockable } from "../locks/lockable.ts";
import { checkInteger, checkName } from "../locks/options.ts";
import { adaptive } from "./adaptive/adaptive.ts";
import { commit, type Condition, type Draft, type RecordsContext } from "./commit.ts";
import type { Collection } from "./collection.ts";
import {
  changesOf,
  checkpointOf,
  watchOf,
  type Changes,
  type ChangesOptions,
  type Checkpoint,
  type WatchOptions,
} from "./feed.ts";
import { differingFields } from "./fields.ts";
import { headAt, headOf, versionOf, type RecordHead, type RecordVersion } from "./head.ts";
import { listingOf, type ListOptions } from "./list.ts";
import type { DeleteOptions, HistoryOptions, WriteOptions } from "./options.ts";
import { diff, type PatchOperation } from "./patch.ts";
import { Plan } from "./plan.ts";
import { Readers } from "./readers.ts";
import type { Edit, Strategy, Updated } from "./strategies.ts";

/**
 * A collection of JSON records. The conditional write is the commit rule; locks only manage contention. No
 * acknowledged write is lost, and a refused one says what stands in its way.
 */
export class Records<T> {
  constructor(
    private readonly what: Collection<T>,
    private readonly context: RecordsContext,
  ) {}

  get collection(): string {
    return this.what.name;
  }

  async get(key: string): Promise<RecordHead<T> | null> {
    checkName(key, "a record's key");
    const { backend, call } = this.context;
    return headOf<T>(await call("read", () => backend.read(this.collection, key)));
  }

  /**
   * Writes a value and returns the record as it now is.
   * @throws ConflictError if it is not at `ifRevision`, with what it is at instead
   * @throws StaleTokenError if a later holder of the fence's lock exists
   * @throws BackendError whose `outcome` says whether it may have taken effect
   */
  async put(key: string, value: T, options: WriteOptions = {}): Promise<RecordHead<T>> {
    const written = await this.#write(key, { ...options, value }, options);
    if (written === null) throw new Error(`the store lost "${key}" while writing it`);
    return written;
  }

  /** Deletes the record. What does not exist is deleted already, unless `ifRevision` says otherwise. */
  async delete(key: string, options: DeleteOptions = {}): Promise<void> {
    await this.#write(key, { ...options, value: null }, options);
  }

  /**
   * Brings `edit` to bear on the current value, whatever others do meanwhile. `edit` must be pure: it may run
   * several times. It gets the value, or null if there is none, and returns the new one, or null to delete.
   */
  async update(key: string, edit: Edit<T>, strategy: Strategy = adaptive()): Promise<Updated<T>> {
    checkName(key, "a record's key");
    if (typeof edit !== "function") {
      throw new TypeError("update takes the edit second: update(key, (value) => ({ ...value, … }))");
    }
    const target = {
      key,
      records: this,
      clock: this.context.clock,
      lock: this.#lock(key),
      scope: this.context.scope,
      commit: (drafts: readonly Draft<T>[], condition: Condition) =>
        commit(this.context, this.what, key, drafts, condition),
    };
    const updated = await strategy(target, (value) => checked(key, edit(value)));
    emit("record.updated", () => {
      const { strategy: name, attempts, waitMs, holdMs, combined } = updated;
      const of = { backend: this.context.backend.name, collection: this.collection, key };
      return { ...of, strategy: name, attempts, waitMs, holdMs, combined };
    });
    return updated;
  }

  /** Versions of the record that are remembered, newest first. @throws TypeError, RangeError, BackendError */
  async history(key: string, options: HistoryOptions = {}): Promise<readonly RecordVersion<T>[]> {
    checkName(key, "a record's key");
    const limit = checkInteger(options.limit ?? 100, "limit", 1, 10_000);
    const { after } = options;
    const page = { limit, ...(after === undefined ? {} : { after }) };
    const { backend, call } = this.context;
    const versions = await call("history", () => backend.history(this.collection, key, page));
    return versions.map((version) => versionOf<T>(version));
  }

  /** A version of the record; null if it is not in the history (any more). */
  async at(key: string, revision: string): Promise<RecordVersion<T> | null> {
    checkName(key, "a record's key");
    const { backend, call } = this.context;
    const version = await call("version", () => backend.version(this.collection, key, revision));
    return version === null ? null : versionOf<T>(version);
  }

  /**
   * The JSON Patch (RFC 6902) that makes the value at revision `b` of the one at `a`; null if one of them is
   * not in the history (any more). A deleted record's value is null.
   */
  async diff(key: string, a: string, b: string): Promise<readonly PatchOperation[] | null> {
    const [from, to] = await Promise.all([this.at(key, a), this.at(key, b)]);
    return from === null || to === null ? null : diff(from.value, to.value);
  }

  /**
   * Makes the value of an earlier revision the record's value again, by a new version: history stays as it
   * is. Returns the record as it now is; null: it was deleted then, and is now.
   * @throws RangeError if that revision is not in the history (any more); and as `put` does
   */
  async revert(key: string, revision: string, options: WriteOptions = {}): Promise<RecordHead<T> | null> {
    const version = await this.at(key, revision);
    if (version === null)
      throw new RangeError(`"${key}" has no revision "${revision}" in its history (any more)`);
    return this.#write(key, { reason: `as at ${revision}`, ...options, value: version.value }, options);
  }

  /** Live records, by key or by a declared field. Not a snapshot: each one is true at its own time. */
  async list(options: ListOptions = {}): Promise<readonly RecordHead<T>[]> {
    const listing = listingOf(this.what, options);
    const { backend, call } = this.context;
    if (listing.by === "key") {
      const found = await call("scan", () => backend.scan(this.collection, listing.page));
      return found.map((stored) => headOf<T>(stored));
    }
    const found = await call("find", () => backend.find(this.collection, listing.page));
    return found.map(({ record }) => headOf<T>(record));
  }

  /**
   * A page of what was written to the collection, in the order of commits: nothing is skipped, nothing comes
   * again. Give its checkpoint for the next page. @throws TypeError, RangeError, BackendError
   */
  changes(options: ChangesOptions = {}): Promise<Changes<T>> {
    return changesOf<T>(this.context, this.collection, options);
  }

  /**
   * Pages of changes as they come, for ever: soon after each commit, and through failures of the store. Ends
   * by `break`, or throws the signal's reason when it aborts, ClosedError when the coordinator closes.
   */
  watch(options: WatchOptions = {}): AsyncGenerator<Changes<T>, never, undefined> {
    return watchOf<T>(this.context, this.collection, options);
  }

  /** Where the feed ends now: nothing that was committed before comes after it. */
  async checkpoint(): Promise<Checkpoint> {
    const { backend, call } = this.context;
    return checkpointOf(this.collection, await call("feedEnd", () => backend.feedEnd(this.collection)));
  }

  /** How far readers of the feed have come, which is kept, and which forgetting of history waits for. */
  get readers(): Readers {
    return new Readers(this.context, this.collection);
  }

  /** A `put` to be done together with others: see `Coordinator.write`. No I/O. */
  planPut(key: string, value: T, options: WriteOptions = {}): Plan<T> {
    return new Plan<T>(this.context, this.what, key, { ...options, value }, options);
  }

  /** A `delete` to be done together with others: see `Coordinator.write`. No I/O. */
  planDelete(key: string, options: DeleteOptions = {}): Plan<T> {
    return new Plan<T>(this.context, this.what, key, { ...options, value: null }, options);
  }

  #lock(key: string): Lockable {
    return this.context.mutex(`record:${this.collection}/${key}`);
  }

  async #write(key: string, draft: Draft<T>, condition: Condition): Promise<RecordHead<T> | null> {
    const outcome = await commit(this.context, this.what, key, [draft], condition);
    switch (outcome.kind) {
      case "written":
        return outcome.heads[0] ?? null;
      case "repeated":
        return headAt(outcome.versions[0]!);
      case "conflict": {
        const { current } = outcome;
        const fields = differingFields(draft.value, current?.value ?? null);
        throw new ConflictError<T>(key, condition.ifRevision ?? null, draft.value, current, fields);
      }
      default:
        throw outcome satisfies never;
    }
  }
}

function checked<T>(key: string, value: T | null): T | null {
  if (value === undefined) {
    throw new TypeError(`the edit of "${key}" returned undefined: return the new value, or null to delete`);
  }
  if (typeof (value as { then?: unknown } | null)?.then === "function") {
    throw new TypeError(`the edit of "${key}" returned a promise: do the slow part first, then edit at once`);
  }
  return value;
}
