/**
 * The contract between Holdfast and a store. Whoever implements {@link Backend} gives locks and records on
 * one more store, whoever implements {@link LockBackend} locks alone; nothing else in the library has to
 * change. This file imports nothing.
 *
 * # The one rule
 *
 * A lock is a **place** in a resource's queue. A place is granted when the permits of the live places ahead
 * of it, plus its own, fit the capacity. A mutex is 1 of 1, a semaphore k of N, a reader 1 of ALL, a writer
 * ALL of ALL. Order of arrival, absence of barging and absence of writer starvation all follow.
 *
 * # What a backend keeps, per resource
 *
 * - `capacity`: fixed by the oldest live place; a request with another one is answered `mismatch`.
 * - `last`: the highest fencing token ever minted. The next one is `max(last + 1, the store's clock in
 *   microseconds)`, minted in the same atomic step as the grant. So tokens grow also after `last` was
 *   forgotten, which a backend may do {@link IDLE_MEMORY_MS} after the resource went idle, and must do some
 *   time: an idle resource leaves nothing behind for ever.
 * - the places in order of arrival. Each has an expiry in the *store's* clock; a place whose expiry has
 *   passed (`expiresAt <= now`) is gone, and every step first clears such places away:
 *   - waiting: `now + patienceMs`, refreshed each time its process asks again (`admit` with the same id);
 *   - granted in the very step that admitted it, or renewed: `now + ttlMs`;
 *   - granted later, by hand-over: `now + claimMs`, until its first `renew`.
 * - the ids of the last {@link FORGOTTEN_MAX} places that ended, with how they ended: a lease id names one
 *   place, once. Clients replay requests and replies get lost, so every verb may arrive twice, or late.
 *
 * # What every verb owes
 *
 * - It is one atomic step per resource. Requests of one call on different resources are independent;
 *   requests of one call on the same resource take effect in the order given.
 * - It is idempotent per lease id: repeated, it gives the same answer and has no further effect.
 * - Expected outcomes are values. A rejection means that I/O failed, and is a `BackendError` that says
 *   whether the step certainly was `not-applied` or is `unknown`. Bugs (bad arguments) are not checked here.
 * - Whenever places have gone (cleared, released, revoked) it **hands over** in the same step: it grants, in
 *   order, every place that the rule now allows, and tells each one's process through its {@link Listener}.
 * - It need not bound its own time: the caller sets a deadline on every call.
 * - Namespaces, resources, collections, keys and what owners say are any well-formed text, up to 1,024
 *   bytes in UTF-8 (the caller checks), and different texts never meet.
 *
 * The memory backend is the reference; `conformance()` in `holdfast/testkit` is the judge.
 */

/** After a resource went idle, its last token is kept this long against a store clock that steps back. */
export const IDLE_MEMORY_MS = 600_000;

/** How many ended lease ids a resource remembers. */
export const FORGOTTEN_MAX = 8;

/** Capacity of a resource locked for reading and writing: a writer takes ALL of it, a reader 1. */
export const ALL = 1_000_000_000;

/** A step's results in the order of its requests, with the store's clock (ms since 1970) at the step. */
export interface Reply<T> {
  readonly now: number;
  readonly results: readonly T[];
}

/** Who holds or waits. `label` and `metadata` are the user's; the rest is filled in. */
export interface Owner {
  readonly host: string;
  readonly pid: number;
  readonly label?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * One process (one coordinator) as a backend sees it. Its lease ids start with `processId + ":"`, and are up
 * to 1,024 letters, digits, `-`, `_` and `:`.
 */
export interface Session {
  /** Prefix of everything the backend stores. Two namespaces never meet. */
  readonly namespace: string;
  readonly processId: string;
  readonly owner: Owner;
  /** A grant handed over must be renewed within this time, or the next waiter gets it. */
  readonly claimMs: number;
  /** A waiting place that its process has not asked about for this long is dropped. */
  readonly patienceMs: number;
  readonly listener: Listener;
}

/**
 * The push channel, towards one process. Every message may be late, doubled or lost: a process that waits
 * asks again by itself now and then, and treats a message only as a reason to look sooner. The one message
 * that is acted upon without asking is `granted`, because it carries its own expiry in the store's clock.
 */
export interface Listener {
  /** The place has been granted by hand-over. `waiting`: places of other processes behind it. */
  granted(resource: string, leaseId: string, grant: Grant): void;
  /** The granted place is gone: force-released or stolen. */
  revoked(resource: string, leaseId: string, reason: RevokeReason): void;
  /** The first place of another process is now waiting behind this process's granted place. */
  contended(resource: string): void;
  /**
   * Waiting places should be asked about, of one resource or (undefined) of all: at once, or when the
   * store's clock shows `at`. Sent to the first process still waiting when places ahead of it were granted by
   * hand-over, with the earliest claim deadline as `at`, so that a dead waiter delays it no longer; and
   * without `at` after the push channel was interrupted.
   */
  look(resource?: string, at?: number): void;
}

export type RevokeReason = "revoked" | "stolen";

export interface Grant {
  /** Fencing token, an integer below 2^53. */
  readonly token: number;
  /** In the store's clock. */
  readonly expiresAt: number;
  /** How many places of other processes wait behind this one, after all that this step has handed over. */
  readonly waiting: number;
}

export interface AdmitRequest {
  readonly resource: string;
  readonly leaseId: string;
  /** 1 … capacity. */
  readonly permits: number;
  readonly capacity: number;
  readonly ttlMs: number;
  /** False: never enqueue, answer `busy`. */
  readonly wait: boolean;
  /** True: first revoke all granted places (reason `stolen`), then take a place ahead of all waiting ones. */
  readonly steal?: boolean;
}

export type Admission =
  | ({ readonly kind: "granted" } & Grant)
  /**
   * Enqueued. `ahead`: live places in front. `lookAt`: when (store's clock) asking again may bring news,
   * which is the earliest expiry among the places ahead.
   */
  | { readonly kind: "waiting"; readonly ahead: number; readonly lookAt: number }
  | { readonly kind: "busy"; readonly ahead: number; readonly lookAt: number }
  /** The resource is in use with another capacity; nothing was enqueued. */
  | { readonly kind: "mismatch"; readonly capacity: number }
  /** This lease id had a place which has ended. It never gets another; ask with a new id. */
  | { readonly kind: "gone" };

export interface RenewRequest {
  readonly resource: string;
  readonly leaseId: string;
  readonly ttlMs: number;
}

export type Renewal =
  | { readonly kind: "renewed"; readonly expiresAt: number; readonly waiting: number }
  /** Not a live granted place. Never re-inserted. */
  | { readonly kind: "gone" };

export interface ReleaseRequest {
  readonly resource: string;
  readonly leaseId: string;
}

/**
 * `released`: the place, granted or waiting, was live and is now ended (also when it was this same id's
 * earlier release that ended it). `gone`: it had ended otherwise, or was never seen; from now on it is ended.
 */
export type Release = { readonly kind: "released" } | { readonly kind: "gone" };

export interface RevokeRequest {
  readonly resource: string;
  /** Only this place; without it, every granted place. Waiting places are kept, and handed over to. */
  readonly leaseId?: string;
  readonly reason: string;
  /** Who asked. */
  readonly by: Owner;
}

/** A place as an onlooker sees it. Times in the store's clock, ms since 1970. */
export interface Place {
  readonly leaseId: string;
  readonly owner: Owner;
  readonly permits: number;
  /** Null while waiting. */
  readonly token: number | null;
  /** Of the grant, or of the arrival while waiting. */
  readonly since: number;
  readonly expiresAt: number;
}

/** An entry of a resource's audit trail: the last {@link REVOCATIONS_MAX} forced releases. */
export interface Revocation {
  readonly at: number;
  readonly reason: string;
  readonly by: Owner;
  /** Tokens of the places that were revoked. */
  readonly tokens: readonly number[];
}

export const REVOCATIONS_MAX = 16;

/** A resource and its live places in queue order. Looking changes nothing. */
export interface Inspection {
  readonly resource: string;
  readonly now: number;
  /** Null while nobody holds or waits. */
  readonly capacity: number | null;
  readonly places: readonly Place[];
  /** Oldest first. Kept while the resource is in use and {@link IDLE_MEMORY_MS} beyond. */
  readonly revocations: readonly Revocation[];
}

export interface Page {
  /** Names that start with this. */
  readonly prefix?: string;
  /** Names after this one, in code-point order of UTF-8 (binary order). */
  readonly after?: string;
  readonly limit: number;
}

// ------------------------------------------------------------------------------------------------ records

/** A record's head. `value` is JSON text. */
export interface StoredRecord {
  readonly key: string;
  readonly value: string;
  /** Opaque, never reused, also after delete and re-creation. */
  readonly revision: string;
  /** Store's clock, ms since 1970. */
  readonly updatedAt: number;
  readonly author: string | null;
}

/**
 * What one step made of a record, as its history keeps it. Versions of a record form a chain: the first
 * parent is the version that was head before, also if that was a deletion; a merge names further ones.
 */
export interface StoredVersion {
  readonly key: string;
  /** JSON text; null: deleted. */
  readonly value: string | null;
  readonly revision: string;
  /** The version before it, if there is one, then what the step `merges`. */
  readonly parents: readonly string[];
  /** Store's clock, ms since 1970, but never lower than that of the version before. A head's `updatedAt`. */
  readonly at: number;
  readonly author: string | null;
  readonly reason: string | null;
  readonly opId: string;
  /** JSON text of messages to be sent because of this version, or null. See `Step.messages`. */
  readonly messages: string | null;
}

/**
 * Guards a write with a lease. `token` is the lease's full token: the store's token × 1024 plus a count of
 * hand-overs inside the process. The write is refused as `stale`
 * - where the lock's state is kept by the same store: when the store's token of that lock has moved on and no
 *   live granted place has this one (so a force-release fences off at once, and so do later holders);
 * - everywhere: when the record has been written under a higher token of the same lock. A record keeps the
 *   highest token seen per lock, also over delete and re-creation. Not applied to `shared` leases (readers,
 *   semaphore permits), where a higher token says nothing.
 */
export interface Fence {
  readonly resource: string;
  readonly token: bigint;
  readonly shared: boolean;
}

/** One version to be made. */
export interface Step {
  /** JSON text; null deletes. */
  readonly value: string | null;
  /** What the version will be called. Made by the caller, who never makes the same one twice. */
  readonly revision: string;
  /** Names this write once and for all: it has one effect at most, however often it is asked for. */
  readonly opId: string;
  readonly author?: string;
  readonly reason?: string;
  /** Revisions that this version merges, besides the one it follows. */
  readonly merges?: readonly string[];
  /**
   * JSON text that the version keeps for whoever reads the feed: the outbox. It is there if and only if the
   * version is.
   */
  readonly messages?: string;
}

/** Finds a record by what is in it. Made by the core from the fields that a collection declares. */
export interface Entry {
  readonly name: string;
  /** Compared in binary order of UTF-8. At most 1,024 bytes. */
  readonly value: string;
  /** True: no other live record of the collection may have a unique entry of the same name and value. */
  readonly unique: boolean;
}

/** The last version to be made of a record, and perhaps others right before it. */
export interface Write extends Step {
  readonly collection: string;
  readonly key: string;
  /**
   * Versions to be made before it in the same step, in order: edits that were combined. Comes with
   * `ifRevision`; no step of such a write deletes what does not exist by then; all their `opId`s differ.
   */
  readonly earlier?: readonly Step[];
  /** Undefined: whatever is there. Null: must not exist. Otherwise: must be at this revision. */
  readonly ifRevision?: string | null;
  readonly fence?: Fence;
  /**
   * All entries the record is to have from now on, no two alike in name and value, but several of one name
   * if need be; undefined: those it has. A deletion drops them.
   */
  readonly entries?: readonly Entry[];
}

/**
 * All the writes of a call took effect, or none did. `index` is the first write that was refused. The keys of
 * a call differ (the caller checks). Each write is looked at in this order:
 *
 * 1. Replay. The `opId`s of its steps are looked for among the versions that the record remembers. All known:
 *    it is a replay, answered `written` with what its last step made, whatever its other conditions and
 *    whatever was written since, and changes nothing. Only some known: `repeated`, with the versions they
 *    made, in the order of the steps; nothing is written.
 * 2. Fence. 3. Revision. 4. Unique entries that a live record with another key has: `taken`, with the first
 *    of them in the order of `entries`, and that record's key. What counts is how entries are once the whole
 *    call has taken effect, so that two records may swap theirs; of two writes of a call that want the same,
 *    the later one is refused, and `key` is the other's.
 *
 * The first three are looked at for all writes before the fourth is for any.
 *
 * Deleting what does not exist is `written` and makes no version. In `records`, null stands for what is
 * deleted.
 */
export type WriteOutcome =
  | { readonly kind: "written"; readonly records: readonly (StoredRecord | null)[] }
  | { readonly kind: "conflict"; readonly index: number; readonly current: StoredRecord | null }
  | { readonly kind: "stale"; readonly index: number }
  | { readonly kind: "repeated"; readonly index: number; readonly versions: readonly StoredVersion[] }
  | { readonly kind: "taken"; readonly index: number; readonly entry: Entry; readonly key: string };

/**
 * Entries of this name, or of those the ones whose value is `equals`, or begins with `prefix`. In binary
 * order of their values, then of their records' keys.
 */
export interface EntryPage {
  readonly name: string;
  readonly equals?: string;
  readonly prefix?: string;
  /** Entries after this one. */
  readonly after?: { readonly value: string; readonly key: string };
  readonly limit: number;
}

export interface HistoryPage {
  /** A revision. */
  readonly after?: string;
  readonly limit: number;
}

export interface FoundRecord {
  readonly record: StoredRecord;
  /** The entry's value, which is where the next page begins. */
  readonly value: string;
}

/**
 * How far a reader of a feed has come: opaque and flat, so that it can be stored anywhere. Where a feed has
 * parts (`guarantees.feed`), it has a field for each.
 */
export type FeedPosition = Readonly<Record<string, string>>;

export type FeedPage =
  /**
   * Versions after the position, in the order of their commits: none is ever skipped, or shown after one that
   * was committed later, also while slow transactions are open. At most `limit` of them. `position`: after
   * the last of them, or the one that was asked about (the beginning's) if there are none. `more`: the next
   * page is not empty.
   *
   * Where `guarantees.feed` is `partition`, versions of one record come in order; those of different records
   * need not.
   */
  | {
      readonly kind: "page";
      readonly versions: readonly StoredVersion[];
      readonly position: FeedPosition;
      readonly more: boolean;
    }
  /**
   * Versions after the position have been pruned, or it lies beyond the end, as happens when a store lost
   * what it had: what the reader has may be out of date. It must read the collection anew by `scan`, drop
   * what is not there, and go on at `position`, which is where the feed ended in this step. A reader that
   * begins with null where something has been pruned is answered so, too.
   */
  | { readonly kind: "reset"; readonly position: FeedPosition };

/**
 * What of a collection's history may go. Of a live record: versions that are old enough, that are not among
 * its `keep` newest, and not its head. Of a deleted record: everything, once its deletion is old enough;
 * `keep` does not count. What remains of a record's history has no gap.
 */
export interface PruneRequest {
  readonly collection: string;
  /** Old enough is what was made before this (store's clock, ms since 1970). */
  readonly before: number;
  /** At least 1: the head. */
  readonly keep: number;
  /** Most versions removed in one call, so that it stays short. */
  readonly limit: number;
  /** Nothing after any of these positions of the feed goes: some reader has not seen it yet. */
  readonly upTo?: readonly FeedPosition[];
}

// ------------------------------------------------------------------------------------------------ backend

/** Facts that cannot be seen in the types. Shown by `holdfast doctor`, asserted by `conformance()`. */
export interface Guarantees {
  /** Whose clock decides on expiry. `host`: one machine only, its wall clock. */
  readonly clock: "server" | "host";
  /** What survives a restart of the store. `volatile`: holders may be forgotten; tokens still grow. */
  readonly leases: "durable" | "volatile";
  /** Whether a fenced write sees the lock's own state, or only tokens that records have seen. */
  readonly fencing: "grant" | "write";
  /** Whether several writes of one call may touch any keys, or only those of one partition. */
  readonly writes: "any" | "partition";
  /** Whether a collection's changes have one order, or one for each partition. */
  readonly feed: "total" | "partition";
  /** A sentence on failover, as true as the vendor's manual. */
  readonly failover: string;
}

/** What `holdfast doctor` prints: a fact, and what follows for safety. */
export interface Finding {
  readonly level: "ok" | "warning" | "danger";
  readonly subject: string;
  readonly detail: string;
  /** What to do about it, unless all is well. */
  readonly remedy?: string;
}

/** What every backend has, whatever it keeps. */
export interface Store {
  readonly name: string;
  readonly guarantees: Guarantees;

  /** Called once, before any other verb. Creates what is missing in the store and opens the push channel. */
  open(session: Session): Promise<void>;
  /** The store's clock, by one cheap round trip. Used to measure reachability and clock offset. */
  time(): Promise<number>;
  diagnose?(): Promise<readonly Finding[]>;
  /** What `open` makes in the store, as statements for those who may not make it. Needs no connection. */
  migrationSql?(): string;

  /** Ends the push channel and what `open` opened. Places are not released. Never rejects. */
  close(): Promise<void>;
}

/** A store of locks. */
export interface LockBackend extends Store {
  admit(requests: readonly AdmitRequest[]): Promise<Reply<Admission>>;
  renew(requests: readonly RenewRequest[]): Promise<Reply<Renewal>>;
  release(requests: readonly ReleaseRequest[]): Promise<Reply<Release>>;

  /**
   * Ends granted places by force, raises `last` so that their tokens are stale from this step on, records the
   * reason, hands over, and tells the former holders. Returns the places revoked.
   */
  revoke(request: RevokeRequest): Promise<readonly Place[]>;
  inspect(resource: string): Promise<Inspection>;
  /** Resources somebody holds or waits for, by name. Not a snapshot: each entry is true at its own time. */
  list(page: Page): Promise<readonly Inspection[]>;

  /** Requests of one tick may share a call only within a lane. Without this method all share one lane. */
  lane?(resource: string): string;
}

/** A store of records, with their history. */
export interface RecordBackend extends Store {
  read(collection: string, key: string): Promise<StoredRecord | null>;
  write(writes: readonly Write[]): Promise<WriteOutcome>;
  /** Live records by key. Not a snapshot. */
  scan(collection: string, page: Page): Promise<readonly StoredRecord[]>;
  /** Live records by one of their entries. Not a snapshot. */
  find(collection: string, page: EntryPage): Promise<readonly FoundRecord[]>;

  /**
   * Versions that were not pruned, newest first, from the head or from the one older than `after`; none if
   * there is no such version (any more).
   */
  history(collection: string, key: string, page: HistoryPage): Promise<readonly StoredVersion[]>;
  /** Null: never was, or was pruned. */
  version(collection: string, key: string, revision: string): Promise<StoredVersion | null>;

  /** The feed of a collection, from its beginning (`null`) or from a position. */
  changes(collection: string, after: FeedPosition | null, limit: number): Promise<FeedPage>;
  /** Where the feed ends now: nothing committed before this call comes after it. */
  feedEnd(collection: string): Promise<FeedPosition>;
  /**
   * Calls `changed` soon after something was committed, perhaps too often, perhaps late: a reason to look.
   */
  watch?(collection: string, changed: () => void): () => void;
  /**
   * Removes history, of each record the oldest first. With a deletion goes all that is remembered of the
   * record: `opId`s and fences. Returns how many versions went; fewer than `limit`: there are no more to go.
   */
  prune(request: PruneRequest): Promise<number>;
}

/** A store of both, whose fenced writes may see the locks themselves. */
export interface Backend extends LockBackend, RecordBackend {}
