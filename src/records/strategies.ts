import type { Clock } from "../clock.ts";
import type { Lockable } from "../locks/lockable.ts";
import type { Committed, Condition, Draft } from "./commit.ts";
import { headAt, type RecordHead } from "./head.ts";
import type { Records } from "./records.ts";

/** Pure. Gets the current value, or null; returns the new one, or null to delete. */
export type Edit<T> = (value: T | null) => T | null;

/** What an update did. */
export interface Updated<T> {
  /** The record as this update made it; null: deleted. */
  readonly record: RecordHead<T> | null;
  /** How often `edit` ran. */
  readonly attempts: number;
  readonly strategy: string;
  /** Time spent waiting, in ms: for a lock, for a turn, or before another attempt. */
  readonly waitMs: number;
  /** Time the record's lock was held, in ms; 0 without a lock. */
  readonly holdMs: number;
  /** How many updates were committed by the same write, this one included. */
  readonly combined: number;
}

/** One record, as a strategy sees it. */
export interface UpdateTarget<T> {
  readonly key: string;
  readonly records: Records<T>;
  readonly clock: Clock;
  /** The lock that all pessimistic updates of this record share. */
  readonly lock: Lockable;
  /** The same object for all updates through one coordinator: what updates share can hang from it. */
  readonly scope: object;
  /** The commit rule: these drafts become the record's next versions, in one step, or none of them does. */
  readonly commit: (drafts: readonly Draft<T>[], condition: Condition) => Promise<Committed<T>>;
}

/**
 * A way to bring an edit to bear. It must end in a commit, which alone decides; a strategy is about how to
 * meet few conflicts. Yours is as good as ours.
 */
export type Strategy = <T>(target: UpdateTarget<T>, edit: Edit<T>) => Promise<Updated<T>>;

/** What a version carries besides its value. */
export type VersionOptions = Pick<Draft<never>, "author" | "reason" | "opId" | "messages">;

export function versionOptions({ author, reason, opId, messages }: VersionOptions): VersionOptions {
  return {
    ...(author === undefined ? {} : { author }),
    ...(reason === undefined ? {} : { reason }),
    ...(opId === undefined ? {} : { opId }),
    ...(messages === undefined ? {} : { messages }),
  };
}

/** What a single draft has become, or was made before. */
export function firstOf<T>(committed: Exclude<Committed<T>, { kind: "conflict" }>): RecordHead<T> | null {
  return committed.kind === "written" ? (committed.heads[0] ?? null) : headAt(committed.versions[0]!);
}
