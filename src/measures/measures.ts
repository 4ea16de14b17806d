import type { Summary } from "./histogram.ts";
import type { Registry } from "./registry.ts";
import type { LockSeries, Loss, RecordSeries, Refusal } from "./series.ts";

/** What was measured in this process since counting began. Durations in ms. */
export interface Measures {
  readonly locks: readonly LockMeasures[];
  readonly records: readonly RecordMeasures[];
}

/** Of all locks whose names have one template. */
export interface LockMeasures {
  readonly backend: string;
  readonly template: string;
  /** Wait time: from the request to the grant. */
  readonly wait: Summary;
  /** Hold time: from the grant to the release, or to the loss. */
  readonly hold: Summary;
  readonly held: number;
  readonly contentions: number;
  readonly handovers: { readonly local: number; readonly remote: number };
  readonly renewals: number;
  readonly revoked: number;
  readonly refused: Readonly<Record<Refusal, number>>;
  readonly lost: Readonly<Record<Loss, number>>;
}

/** Of all records of a collection. */
export interface RecordMeasures {
  readonly backend: string;
  readonly collection: string;
  readonly updates: number;
  /** How often an edit ran for each update that was committed; 1 at best. */
  readonly attemptsPerCommit: number;
  readonly wastedEdits: number;
  /** Conditional writes that were refused, of all that were decided, 0 … 1. */
  readonly conflictRatio: number;
  /** Updates for each write that committed; more than 1 where they were combined. */
  readonly combined: number;
  readonly fenceRejections: number;
  /** Waiting for a lock, a turn, or before another attempt. */
  readonly wait: Summary;
  /** Of the record's lock, where one was taken. */
  readonly hold: Summary;
}

export function measuresOf({ locks, records }: Registry): Measures {
  return {
    locks: [...locks].flatMap(([backend, series]) =>
      [...series.entries()].map(([template, each]) => lockMeasures(backend, template, each)),
    ),
    records: [...records].flatMap(([backend, series]) =>
      [...series.entries()].map(([collection, each]) => recordMeasures(backend, collection, each)),
    ),
  };
}

function lockMeasures(backend: string, template: string, series: LockSeries): LockMeasures {
  const { wait, hold, held, contentions, renewals, revoked, refused, lost } = series;
  const handovers = { local: series.localHandovers, remote: series.remoteHandovers };
  const ends = { refused: { ...refused }, lost: { ...lost } };
  const durations = { wait: wait.summary(), hold: hold.summary() };
  return { backend, template, ...durations, held, contentions, handovers, renewals, revoked, ...ends };
}

function recordMeasures(backend: string, collection: string, series: RecordSeries): RecordMeasures {
  const { updates, attempts, commits, conflicts, fenceRejections } = series;
  const ratio = (of: number, all: number): number => (all === 0 ? 0 : of / all);
  return {
    backend,
    collection,
    updates,
    attemptsPerCommit: ratio(attempts, updates),
    wastedEdits: attempts - updates,
    conflictRatio: ratio(conflicts, conflicts + commits),
    combined: ratio(updates, commits),
    fenceRejections,
    wait: series.wait.summary(),
    hold: series.hold.summary(),
  };
}
