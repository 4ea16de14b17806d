import type { Fence, RecordBackend, StoredRecord, Write, WriteOutcome } from "../backend.ts";
import { sleep, type Clock } from "../clock.ts";
import { BackendError, ConflictError, StaleTokenError } from "../errors.ts";
import { emit } from "../events.ts";
import type { Lockable } from "../locks/lockable.ts";
import { checkInteger, checkName } from "../locks/options.ts";
import { differingFields } from "./fields.ts";
import { fenceOf, type FencedBy } from "./fence.ts";
import { optimistic, type Edit, type Strategy, type Updated } from "./strategies.ts";

/** A record's value and where it stands. `updatedAt` in ms since 1970, by the store's clock. */
export interface RecordHead<T> {
  readonly key: string;
  readonly value: T;
  /** Opaque; compare for equality only. Never used twice, also after delete and re-creation. */
  readonly revision: string;
  readonly updatedAt: number;
  readonly author: string | null;
}

export interface WriteOptions {
  /**
   * Write only if the record is at this revision; null: only if it does not exist. Without it, whatever is
   * there is overwritten.
   */
  readonly ifRevision?: string | null;
  /** Write only while no later holder of this lease's lock exists, checked in the same step as the write. */
  readonly fence?: FencedBy;
  readonly author?: string;
  /** Names this write once and for all, so that it can be repeated without a second effect. */
  readonly opId?: string;
}

export interface DeleteOptions extends WriteOptions {}

export interface ListOptions {
  /** Keys that start with this. */
  readonly prefix?: string;
  /** Keys after this one, in binary order of UTF-8. */
  readonly after?: string;
  /** 1 … 10,000; default 100. */
  readonly limit?: number;
}

/** What records need of their coordinator. */
export interface RecordsContext {
  readonly backend: RecordBackend;
  readonly clock: Clock;
  /** Runs a call once the store is open, and bounds its time. */
  readonly call: <Result>(operation: string, run: () => Promise<Result>) => Promise<Result>;
  readonly mutex: (name: string) => Lockable;
}

const WRITE_TRIES = 3;
const WRITE_RETRY_MS = 100;
export const VALUE_MAX_BYTES = 8 * 1024 * 1024;

/**
 * A collection of JSON records. The conditional write is the commit rule; locks only manage contention. No
 * acknowledged write is lost, and a refused one says what stands in its way.
 */
export class Records<T> {
  constructor(
    readonly collection: string,
    private readonly context: RecordsContext,
  ) {
    checkName(collection, "a collection's name");
  }

  async get(key: string): Promise<RecordHead<T> | null> {
    checkName(key, "a record's key");
    const { backend, call } = this.context;
    return this.#parse(await call("read", () => backend.read(this.collection, key)));
  }

  /**
   * Writes a value and returns the record as it now is.
   * @throws ConflictError if it is not at `ifRevision`, with what it is at instead
   * @throws StaleTokenError if a later holder of the fence's lock exists
   * @throws BackendError whose `outcome` says whether it may have taken effect
   */
  async put(key: string, value: T, options: WriteOptions = {}): Promise<RecordHead<T>> {
    const text = encode(key, value);
    const written = await this.#write(key, value, text, options);
    if (written === null) throw new Error(`the store lost "${key}" while writing it`);
    return written;
  }

  /** Deletes the record. What does not exist is deleted already, unless `ifRevision` says otherwise. */
  async delete(key: string, options: DeleteOptions = {}): Promise<void> {
    await this.#write(key, null, null, options);
  }

  /**
   * Brings `edit` to bear on the current value, whatever others do meanwhile. `edit` must be pure: it may run
   * several times. It gets the value, or null if there is none, and returns the new one, or null to delete.
   */
  update(key: string, edit: Edit<T>, strategy: Strategy = optimistic()): Promise<Updated<T>> {
    checkName(key, "a record's key");
    if (typeof edit !== "function") {
      throw new TypeError("update takes the edit second: update(key, (value) => ({ ...value, … }))");
    }
    return strategy({ key, records: this, clock: this.context.clock, lock: this.#lock(key) }, (value) =>
      checked(key, edit(value)),
    );
  }

  /** Live records by key. Not a snapshot: each one is true at its own time. */
  async list({ prefix, after, limit = 100 }: ListOptions = {}): Promise<readonly RecordHead<T>[]> {
    checkInteger(limit, "limit", 1, 10_000);
    const page = {
      limit,
      ...(prefix === undefined ? {} : { prefix }),
      ...(after === undefined ? {} : { after }),
    };
    const { backend, call } = this.context;
    const found = await call("scan", () => backend.scan(this.collection, page));
    return found.map((stored) => this.#parse(stored) as RecordHead<T>);
  }

  #lock(key: string): Lockable {
    return this.context.mutex(`record:${this.collection}/${key}`);
  }

  async #write(
    key: string,
    mine: T | null,
    value: string | null,
    { ifRevision, fence, author, opId }: WriteOptions,
  ): Promise<RecordHead<T> | null> {
    checkName(key, "a record's key");
    if (ifRevision !== undefined && ifRevision !== null && typeof ifRevision !== "string") {
      throw new TypeError("ifRevision must be a record's revision, or null if it must not exist");
    }
    const guard = fence === undefined ? undefined : fenceOf(fence, key);
    const write: Write = {
      collection: this.collection,
      key,
      value,
      revision: this.context.clock.id(),
      opId: opId ?? this.context.clock.id(),
      ...(ifRevision === undefined ? {} : { ifRevision }),
      ...(author === undefined ? {} : { author }),
      ...(guard === undefined ? {} : { fence: guard }),
    };
    const outcome = await this.#settle(write);
    const { backend } = this.context;
    switch (outcome.kind) {
      case "written":
        return this.#parse(outcome.records[0] ?? null);
      case "conflict": {
        emit("write.conflict", () => ({ backend: backend.name, collection: this.collection, key }));
        const theirs = this.#parse(outcome.current);
        const fields = differingFields(mine, theirs?.value ?? null);
        throw new ConflictError<T>(key, ifRevision ?? null, mine, theirs, fields);
      }
      case "stale":
        throw this.#stale(key, guard!);
      case "repeated":
      case "taken":
        throw new Error(outcome.kind);
      default:
        throw outcome satisfies never;
    }
  }

  /**
   * A conditional write whose reply was lost is repeated: its `opId` makes that harmless. If it is refused
   * then, the first try may have been the one that took effect, so the outcome stays unknown.
   */
  async #settle(write: Write): Promise<WriteOutcome> {
    const { backend, call, clock } = this.context;
    let unknown: BackendError | undefined;
    for (let tries = 1; ; tries++) {
      try {
        const outcome = await call("write", () => backend.write([write]));
        if (unknown === undefined || outcome.kind === "written") return outcome;
      } catch (error) {
        if (!(error instanceof BackendError)) throw error;
        const isSettled = error.outcome === "not-applied" || write.ifRevision === undefined;
        if (unknown === undefined && isSettled) throw error;
        unknown ??= error;
        if (tries < WRITE_TRIES) {
          await sleep(clock, WRITE_RETRY_MS * tries);
          continue;
        }
      }
      throw unknown;
    }
  }

  #stale(key: string, { resource, token }: Fence): StaleTokenError {
    const { backend } = this.context;
    const { collection } = this;
    emit("write.stale", () => ({ backend: backend.name, collection, key, resource, token }));
    return new StaleTokenError(key, resource, token);
  }

  #parse(stored: StoredRecord | null): RecordHead<T> | null {
    return stored === null ? null : { ...stored, value: JSON.parse(stored.value) as T };
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

/** @throws TypeError, RangeError before any I/O. */
function encode(key: string, value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined || value === null) {
    throw new TypeError(
      `the value of "${key}" is ${value === null ? "null" : typeof value}, which is no JSON value to keep: ` +
        "use delete() to remove a record",
    );
  }
  const bytes = Buffer.byteLength(text);
  if (bytes > VALUE_MAX_BYTES) {
    throw new RangeError(
      `the value of "${key}" has ${bytes} bytes as JSON, but at most ${VALUE_MAX_BYTES} can be kept`,
    );
  }
  return text;
}
