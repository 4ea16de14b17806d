import type { Numbers } from "./cells.ts";

/** Medians by cell, of ours and of Curator's. */
type Lookup = (whose: "ours" | "theirs", cell: string) => Numbers;

interface Mark {
  readonly text: string;
  readonly sign: "≤" | "≥";
  readonly target: number;
  read(lookup: Lookup): number;
}

const times =
  (cell: string, column: string) =>
  (lookup: Lookup): number =>
    lookup("ours", cell)[column]! / lookup("theirs", cell)[column]!;

/** What Holdfast on ZooKeeper is held to, beside Curator on the same server. */
export const MARKS: readonly Mark[] = [
  {
    text: "acquire + release / raw create + delete",
    sign: "≤",
    target: 1.2,
    read: (lookup) => lookup("ours", "uncontended")["× raw"]!,
  },
  { text: "256 locks, pairs/s / Curator's", sign: "≥", target: 1.5, read: times("manyKeys", "pairs/s") },
  {
    text: "128 callers, acquisitions/s / Curator's",
    sign: "≥",
    target: 50,
    read: times("crowd", "acquisitions/s"),
  },
  {
    text: "4 × 8 callers, acquisitions/s / Curator's",
    sign: "≥",
    target: 20,
    read: times("rivals", "acquisitions/s"),
  },
  {
    text: "4 × 8 callers, process changes/s / Curator's",
    sign: "≥",
    target: 2,
    read: times("rivals", "process changes/s"),
  },
  {
    text: "4 × 8 callers, most/least served",
    sign: "≤",
    target: 1.1,
    read: (lookup) => lookup("ours", "rivals")["most/least"]!,
  },
  {
    text: "handover / Curator's",
    sign: "≤",
    target: 0.6,
    read: times("handover", "release → grant p50 ms"),
  },
];

export function judge(lookup: Lookup): readonly (readonly string[])[] {
  return MARKS.map(({ text, sign, target, read }) => {
    const value = read(lookup);
    const isMet = sign === "≤" ? value <= target : value >= target;
    return [text, `${sign} ${target}`, value.toFixed(2), isMet ? "met" : "missed"];
  });
}
