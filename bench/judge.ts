import { MARKS, type Mark, type Reading } from "./marks.ts";
import type { Results } from "./results.ts";

export interface Judged extends Reading {
  readonly cell: string;
  readonly text: string;
  readonly target: string;
  /** The ratio, or ours. */
  readonly value: number;
  /** The same in the single rounds. */
  readonly lowest: number;
  readonly highest: number;
  readonly verdict: "met" | "missed" | "not measured";
}

/** The marks of the cells that were run. */
export function judge(results: Results, cells: readonly string[]): readonly Judged[] {
  return MARKS.filter(({ cell }) => cells.includes(cell)).map((mark) => {
    const reading = mark.read((...at) => results.median(...at));
    const single = results.rounds
      .map((round) => valueOf(mark.read((...at) => results.inRound(round, ...at))))
      .filter((value) => !Number.isNaN(value));
    const value = valueOf(reading);
    return {
      ...reading,
      cell: mark.cell,
      text: mark.text,
      target: `${mark.sign} ${mark.target}`,
      value,
      lowest: Math.min(...single),
      highest: Math.max(...single),
      verdict: verdict(value, mark),
    };
  });
}

function valueOf({ ours, theirs }: Reading): number {
  return theirs === undefined ? ours : ours / theirs;
}

function verdict(value: number, { sign, target }: Mark): Judged["verdict"] {
  if (Number.isNaN(value)) return "not measured";
  const met = {
    "≤": value <= target,
    "≥": value >= target,
    "<": value < target,
    "=": value === target,
  };
  return met[sign] ? "met" : "missed";
}
