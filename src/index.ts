/** Locks and records for the many processes of one application. See DESIGN and docs/guide. */

export { connect, type ConnectOptions } from "./connect.ts";
export { Coordinator, type Backends } from "./coordinator.ts";
export type {
  CoordinatorOptions,
  ForceReleaseOptions,
  KindOptions,
  ListLocksOptions,
} from "./coordinator-options.ts";
export type { Diagnosis } from "./diagnosis.ts";
export {
  BackendError,
  ClosedError,
  ConflictError,
  HoldfastError,
  InvalidValueError,
  LeaseLostError,
  LockTimeoutError,
  StaleTokenError,
  UniqueError,
  type Fault,
  type FieldConflict,
  type HoldfastErrorCode,
  type LossReason,
} from "./errors.ts";
export { on, type EventName, type Events, type LockEvent } from "./events.ts";
export type { Finding, Guarantees, Owner } from "./backend.ts";
export type { Election, LeadOptions, ObserveOptions } from "./locks/election.ts";
export type { Leader } from "./locks/leader.ts";
export type { Term } from "./locks/term.ts";
export type { Lease } from "./locks/lease.ts";
export type { AllLeases } from "./locks/all.ts";
export type { LockView, PlaceView, RevocationView, RevokedView } from "./locks/inspection.ts";
export { Lockable, type Lock, type ReadWriteLock, type Semaphore } from "./locks/lockable.ts";
export type { Fairness, LockOptions, PermitOptions } from "./locks/options.ts";
export type {
  LockMode,
  WebLock,
  WebLockCallback,
  WebLockInfo,
  WebLockOptions,
  WebLocks,
  WebLockSnapshot,
} from "./locks/web-locks.ts";
export type { Summary } from "./measures/histogram.ts";
export type { LockMeasures, Measures, RecordMeasures } from "./measures/measures.ts";
export type { MeasureOptions } from "./measures/registry.ts";
export type { Template } from "./measures/templates.ts";
export type { FencedBy } from "./records/fence.ts";
export type { Committed, Condition, Draft } from "./records/commit.ts";
export type { RecordHead, RecordVersion } from "./records/head.ts";
export type { CollectionOptions, HistoryLimits } from "./records/declaration.ts";
export type { Scalar } from "./records/entries.ts";
export type { Changes, ChangesOptions, Checkpoint, WatchOptions } from "./records/feed.ts";
export type { ListOptions } from "./records/list.ts";
export type { DeleteOptions, HistoryOptions, WriteOptions } from "./records/options.ts";
export { applyPatch, diff, type PatchOperation } from "./records/patch.ts";
export type { HeadsOf, Plan, PlansOf } from "./records/plan.ts";
export type { Readers } from "./records/readers.ts";
export type { StandardSchema } from "./records/schema.ts";
export type { Records } from "./records/records.ts";
export { adaptive, type AdaptiveOptions } from "./records/adaptive/adaptive.ts";
export { merge3, type Merged } from "./records/merge/merge3.ts";
export type { FieldRule, FieldRules, ListRules, MergeRules } from "./records/merge/rules.ts";
export { optimistic, type OptimisticOptions } from "./records/optimistic.ts";
export { pessimistic, type PessimisticOptions } from "./records/pessimistic.ts";
export type { Edit, Strategy, Updated, UpdateTarget, VersionOptions } from "./records/strategies.ts";
export { versioned, type VersionedOptions } from "./records/versioned.ts";
