import type {
  AdmitRequest,
  EntryPage,
  PruneRequest,
  ReleaseRequest,
  RenewRequest,
  RevokeRequest,
  Write,
} from "../../backend.ts";
import type { ModelProcess, Push } from "./lock-model.ts";

/** The processes of every program. Different patience and claims, so that a mix-up shows. */
export const PROCESSES: readonly ModelProcess[] = [
  { processId: "p0", owner: { host: "a", pid: 1 }, claimMs: 30, patienceMs: 150 },
  { processId: "p1", owner: { host: "b", pid: 2, label: "two" }, claimMs: 60, patienceMs: 250 },
  { processId: "p2", owner: { host: "b", pid: 3, metadata: { k: "v" } }, claimMs: 90, patienceMs: 400 },
];

/** One call to the store, by one of {@link PROCESSES}. */
export type Step =
  | { readonly do: "admit"; readonly process: number; readonly requests: readonly AdmitRequest[] }
  | { readonly do: "renew"; readonly process: number; readonly requests: readonly RenewRequest[] }
  | { readonly do: "release"; readonly process: number; readonly requests: readonly ReleaseRequest[] }
  | { readonly do: "revoke"; readonly process: number; readonly request: RevokeRequest }
  | { readonly do: "inspect"; readonly process: number; readonly resource: string }
  | { readonly do: "list"; readonly process: number; readonly prefix: string }
  | { readonly do: "write"; readonly process: number; readonly writes: readonly Write[] }
  | { readonly do: "read"; readonly process: number; readonly collection: string; readonly key: string }
  | { readonly do: "scan"; readonly process: number; readonly collection: string }
  | { readonly do: "find"; readonly process: number; readonly collection: string; readonly page: EntryPage }
  | {
      readonly do: "history";
      readonly process: number;
      readonly collection: string;
      readonly key: string;
      readonly page: { readonly after?: string; readonly limit: number };
    }
  | {
      readonly do: "version";
      readonly process: number;
      readonly collection: string;
      readonly key: string;
      readonly revision: string;
    }
  /** A reader, by its number, asks for what comes after the position that it has. */
  | {
      readonly do: "changes";
      readonly process: number;
      readonly collection: string;
      readonly reader: number;
      readonly limit: number;
    }
  | {
      readonly do: "prune";
      readonly process: number;
      readonly request: Omit<PruneRequest, "upTo">;
      /** Nothing goes that any of these has not seen; those who have seen nothing yet do not count. */
      readonly readers: readonly number[];
    };

export interface Entry {
  /** What the store's clock shows. */
  readonly now: number;
  /** Why the step is taken, for whoever reads a failure. */
  readonly why: string;
  readonly step: Step;
  /** What the models answer; of the feed without its positions, which are the store's own. */
  readonly expected: unknown;
}

const SHOWN_BEFORE = 12;

/** What led to a step, and the step, a line each. */
export function storyOf({ entries }: Program, upTo: number): readonly string[] {
  const from = Math.max(0, upTo - SHOWN_BEFORE);
  return entries.slice(from, upTo + 1).map(({ now, why, step, expected }, at) => {
    const { do: verb, process, ...rest } = step;
    const who = `step ${from + at} at ${now % 10_000_000}: p${process} ${verb} (${why})`;
    return `${who} ${text(rest)} → ${text(expected)}`;
  });
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? `${each}n` : each));
}

/** Calls and their answers, made from a seed by models alone: to be compared with what a store answers. */
export interface Program {
  readonly seed: number;
  readonly entries: readonly Entry[];
  /** What the processes ought to hear. */
  readonly pushes: readonly Push[];
  /** The store's clock was set back on the way. */
  readonly stepsBack: boolean;
}
