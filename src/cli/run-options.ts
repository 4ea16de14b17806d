import { TTL_MAX_MS, TTL_MIN_MS } from "../locks/options.ts";
import type { Options } from "./command.ts";
import { parseDuration } from "./duration.ts";
import { EXIT } from "./exit-codes.ts";
import { UsageFailure } from "./failure.ts";
import { STORE_OPTIONS } from "./store.ts";

export const RUN_OPTIONS = {
  nonblock: {
    type: "boolean",
    short: "n",
    help: "do not wait: give up at once if the lock is not free",
  },
  wait: {
    type: "string",
    short: "w",
    value: "DUR",
    help: "wait at most so long, once the store is reached; 0 is --nonblock; default: for ever",
  },
  "conflict-exit-code": {
    type: "string",
    short: "E",
    value: "CODE",
    help: "exit status when the lock was not acquired, 0 to 255; default 75",
  },
  exclusive: { type: "boolean", short: "x", help: "nobody else may hold the lock; the default" },
  shared: {
    type: "boolean",
    short: "s",
    help: "others may hold it too, if they also asked for it shared",
  },
  permits: {
    type: "string",
    value: "K/N",
    help: "take K of the N permits that this lock has; 1/1 is the mutex of that name in a program",
  },
  ttl: {
    type: "string",
    value: "DUR",
    help:
      "how long the lease lasts without renewal, and so how long others wait when this machine " +
      "dies; 50ms to 1d, default 10s; it is renewed after a third of that",
  },
  "on-lost": {
    type: "string",
    value: "term|warn",
    help: "when the lease is lost while CMD runs: end CMD (term, the default), or only say so (warn)",
  },
  grace: {
    type: "string",
    value: "DUR",
    help: "how long CMD has between TERM and KILL; 0 is KILL at once; default 5s",
  },
  verbose: { type: "boolean", help: "say on standard error what happens and how long it took" },
  ...STORE_OPTIONS,
} as const satisfies Options;

interface RunValues {
  readonly nonblock?: boolean;
  readonly wait?: string;
  readonly "conflict-exit-code"?: string;
  readonly exclusive?: boolean;
  readonly shared?: boolean;
  readonly permits?: string;
  readonly ttl?: string;
  readonly "on-lost"?: string;
  readonly grace?: string;
  readonly verbose?: boolean;
}

/** What is asked for, understood. */
export interface Plan {
  /** Undefined: as long as it takes. */
  readonly waitMs: number | undefined;
  readonly conflictExit: number;
  readonly kind: "exclusive" | "shared" | { readonly permits: number; readonly capacity: number };
  readonly ttlMs: number;
  readonly endsWhenLost: boolean;
  readonly graceMs: number;
  readonly verbose: boolean;
}

/** @throws UsageFailure */
export function planOf(values: RunValues): Plan {
  return {
    waitMs: waitOf(values),
    conflictExit: conflictExitOf(values["conflict-exit-code"]),
    kind: kindOf(values),
    ttlMs: ttlOf(values.ttl ?? "10s"),
    endsWhenLost: endsWhenLost(values["on-lost"] ?? "term"),
    graceMs: parseDuration(values.grace ?? "5s", "--grace"),
    verbose: values.verbose ?? false,
  };
}

function waitOf({ nonblock = false, wait }: RunValues): number | undefined {
  if (wait === undefined) return nonblock ? 0 : undefined;
  const waitMs = parseDuration(wait, "--wait");
  if (nonblock && waitMs > 0) {
    throw new UsageFailure("--nonblock and --wait exclude each other", "Leave one of them out.");
  }
  return waitMs;
}

function ttlOf(text: string): number {
  const ttlMs = parseDuration(text, "--ttl");
  if (ttlMs >= TTL_MIN_MS && ttlMs <= TTL_MAX_MS) return ttlMs;
  throw new UsageFailure(`--ttl ${text} is out of bounds`, "Write 50ms to 1d; 10s is the default.");
}

function conflictExitOf(text = String(EXIT.notAcquired)): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= 255) return Number(text);
  throw new UsageFailure(
    `--conflict-exit-code "${text}" is no exit status`,
    "Write a number from 0 to 255, for instance -E 1 as flock has it.",
  );
}

function kindOf({ exclusive = false, shared = false, permits }: RunValues): Plan["kind"] {
  if (Number(exclusive) + Number(shared) + Number(permits !== undefined) > 1) {
    throw new UsageFailure(
      "--exclusive, --shared and --permits exclude each other",
      "Write one of them.",
    );
  }
  if (permits === undefined) return shared ? "shared" : "exclusive";
  const [, taken, capacity] = /^(\d+)\/(\d+)$/.exec(permits) ?? [];
  if (taken === undefined || capacity === undefined) {
    throw new UsageFailure(
      `--permits "${permits}" does not say how many of how many`,
      "Write K/N, for instance --permits 1/4 to be one of four.",
    );
  }
  return { permits: Number(taken), capacity: Number(capacity) };
}

function endsWhenLost(text: string): boolean {
  if (text === "term" || text === "warn") return text === "term";
  throw new UsageFailure(
    `--on-lost "${text}" is neither term nor warn`,
    "Write --on-lost term or warn.",
  );
}
