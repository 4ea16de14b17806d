import { allPeers, type ContestantName } from "./lockers/contestants.ts";

type Lookup = (cell: string, contestant: ContestantName, column: string) => number;

export interface Reading {
  readonly ours: number;
  /** What ours is divided by; without it, ours is judged as it stands. */
  readonly theirs?: number;
  readonly against?: string;
}

export interface Mark {
  readonly cell: string;
  readonly text: string;
  readonly sign: "≤" | "≥" | "<" | "=";
  readonly target: number;
  read(lookup: Lookup): Reading;
}

function alone(cell: string, contestant: ContestantName, column: string): Mark["read"] {
  return (lookup) => ({ ours: lookup(cell, contestant, column) });
}

function versus(
  cell: string,
  contestant: ContestantName,
  floor: ContestantName,
  column: string,
): Mark["read"] {
  return (lookup) => ({
    ours: lookup(cell, contestant, column),
    theirs: lookup(cell, floor, column),
    against: floor,
  });
}

function versusBestPeer(
  cell: string,
  column: string,
  best: "most" | "least",
  contestant: ContestantName = "holdfast",
): Mark["read"] {
  return (lookup) => {
    const direction = best === "most" ? -1 : 1;
    const [first] = allPeers
      .map((name) => ({ name, value: lookup(cell, name, column) }))
      .filter(({ value }) => !Number.isNaN(value))
      .sort((a, b) => direction * (a.value - b.value));
    const ours = lookup(cell, contestant, column);
    return { ours, theirs: first?.value ?? Number.NaN, against: first?.name ?? "best peer" };
  };
}

const SQL_MARKS: readonly Mark[] = [
  {
    cell: "pa",
    text: "PostgreSQL, acquire + release, p50 ms",
    sign: "≤",
    target: 1.25,
    read: versus("pa", "holdfast PostgreSQL", "raw lease", "cycle p50 ms"),
  },
  {
    cell: "pa",
    text: "… relaxed, to an unlogged lease",
    sign: "≤",
    target: 1.3,
    read: versus("pa", "holdfast PostgreSQL relaxed", "raw lease unlogged", "cycle p50 ms"),
  },
  {
    cell: "pa",
    text: "… durable, to the quickest peer",
    sign: "<",
    target: 1,
    read: versusBestPeer("pa", "cycle p50 ms", "least", "holdfast PostgreSQL"),
  },
  {
    cell: "pe",
    text: "PostgreSQL, handover to another process, p50 ms",
    sign: "≤",
    target: 1.5,
    read: versus("pe", "holdfast PostgreSQL", "raw commit + NOTIFY", "handover p50 ms"),
  },
  {
    cell: "pc",
    text: "PostgreSQL, one key, 128 callers in one process, acq/s",
    sign: "≥",
    target: 50,
    read: versusBestPeer("pc", "acq/s", "most", "holdfast PostgreSQL"),
  },
  {
    cell: "pf",
    text: "PostgreSQL, 20 waiting processes, statements/s",
    sign: "≤",
    target: 20,
    read: alone("pf", "holdfast PostgreSQL", "statements/s"),
  },
  {
    cell: "ma",
    text: "MariaDB, acquire + release, p50 ms",
    sign: "≤",
    target: 1.25,
    read: versus("ma", "holdfast MariaDB", "raw lease MariaDB", "cycle p50 ms"),
  },
  {
    cell: "me",
    text: "MariaDB, handover to another process, p50 ms",
    sign: "≤",
    target: 15,
    read: alone("me", "holdfast MariaDB", "handover p50 ms"),
  },
  {
    cell: "me",
    text: "… p99 ms",
    sign: "≤",
    target: 60,
    read: alone("me", "holdfast MariaDB", "handover p99 ms"),
  },
  {
    cell: "mf",
    text: "MariaDB, 20 waiting processes, statements/s",
    sign: "≤",
    target: 200,
    read: alone("mf", "holdfast MariaDB", "statements/s"),
  },
];

/** What Holdfast is held to, beside peers and floors of the same run. */
export const MARKS: readonly Mark[] = [
  {
    cell: "2a",
    text: "acquire + release, fence included, p50 ms",
    sign: "≤",
    target: 1.15,
    read: versus("2a", "holdfast", "raw SET NX", "cycle p50 ms"),
  },
  {
    cell: "2b",
    text: "256 keys at once, pairs/s",
    sign: "≥",
    target: 1.2,
    read: versus("2b", "holdfast", "raw SET NX", "pairs/s"),
  },
  {
    cell: "2c",
    text: "one key, 128 callers in one process, acq/s",
    sign: "≥",
    target: 25,
    read: versusBestPeer("2c", "acq/s", "most"),
  },
  {
    cell: "2d",
    text: "one key, 4 processes × 8 callers, acq/s",
    sign: "≥",
    target: 15,
    read: versusBestPeer("2d", "acq/s", "most"),
  },
  {
    cell: "2d",
    text: "… most served / least served",
    sign: "≤",
    target: 1.1,
    read: alone("2d", "holdfast", "most/least"),
  },
  {
    cell: "2d",
    text: "… two holders at once",
    sign: "=",
    target: 0,
    read: alone("2d", "holdfast", "overlaps"),
  },
  {
    cell: "2e",
    text: "handover to another process, p50 ms, to a raw wake-up",
    sign: "≤",
    target: 2.2,
    read: versus("2e", "holdfast", "raw PUBLISH", "handover p50 ms"),
  },
  {
    cell: "2e",
    text: "… and to the quickest peer",
    sign: "<",
    target: 1,
    read: versusBestPeer("2e", "handover p50 ms", "least"),
  },
  {
    cell: "2f",
    text: "100 waiters on a held lock, commands/s",
    sign: "≤",
    target: 2,
    read: alone("2f", "holdfast", "commands sent/s"),
  },
  {
    cell: "2g",
    text: "32 queued waiters, ms per handover",
    sign: "≤",
    target: 0.3,
    read: versusBestPeer("2g", "ms per handover", "least"),
  },
  {
    cell: "2g",
    text: "… order inversions, local handover apart",
    sign: "=",
    target: 0,
    read: alone("2g", "holdfast", "inversions but for local handover"),
  },
  {
    cell: "2g",
    text: "… anybody overtaken, fair: \"strict\"",
    sign: "=",
    target: 0,
    read: alone("2g", "holdfast strict", "overtakings"),
  },
  {
    cell: "2g",
    text: "… commands per handover",
    sign: "≤",
    target: 3,
    read: alone("2g", "holdfast", "commands sent per handover"),
  },
  {
    cell: "2g",
    text: "… commands per handover, fair: \"strict\"",
    sign: "≤",
    target: 3,
    read: alone("2g", "holdfast strict", "commands sent per handover"),
  },
  {
    cell: "2h",
    text: "10,000 leases, commands per renewal period",
    sign: "≤",
    target: 50,
    read: alone("2h", "holdfast", "commands sent per period"),
  },
  {
    cell: "2h",
    text: "… heap bytes per lease",
    sign: "≤",
    target: 2_000,
    read: alone("2h", "holdfast", "heap bytes per lease"),
  },
  {
    cell: "4a",
    text: "SQLite acquire + release, cycles/s",
    sign: "≥",
    target: 0.5,
    read: versus("4a", "holdfast SQLite", "raw SQLite", "cycles/s"),
  },
  ...(["4d", "4e"] as const).flatMap((cell): Mark[] => {
    const keys = cell === "4d" ? "one key" : "100 keys";
    return [
      {
        cell,
        text: `SQLite, 16 processes, ${keys}: event loop blocked p99.9 ms`,
        sign: "≤",
        target: 25,
        read: alone(cell, "holdfast SQLite", "loop blocked p99.9 ms"),
      },
      {
        cell,
        text: "… least served process / fair share",
        sign: "≥",
        target: 0.5,
        read: alone(cell, "holdfast SQLite", "least share"),
      },
    ];
  }),
  {
    cell: "5a",
    text: "memory, uncontended, cycles/s",
    sign: "≥",
    target: 0.25,
    read: versus("5a", "holdfast memory", "async-mutex", "cycles/s"),
  },
  {
    cell: "5c",
    text: "memory, one key, 128 callers, acq/s",
    sign: "≥",
    target: 0.25,
    read: versus("5c", "holdfast memory", "async-mutex", "acq/s"),
  },
  ...SQL_MARKS,
];
