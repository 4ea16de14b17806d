import { FLOOR, OUR_NAMES, type StoreName } from "./contestants.ts";
import { describe, isSame, type Load, type Measured } from "./point.ts";

export interface Mark {
  readonly store: string;
  readonly text: string;
  readonly value: number;
  readonly target: string;
  readonly verdict: "met" | "missed" | "not measured";
}

/** One hot record, many writers, several processes: what combining is for. */
const HOT: Load = { writers: 64, records: 1, editMs: 0, processes: 4 };
const ALONE: Load = { writers: 1, records: 1, editMs: 0, processes: 1 };
/** How many times the best of the other strategies adaptive commits there. */
const HOT_FACTOR: Readonly<Partial<Record<string, number>>> = { redis: 12, postgres: 8 };

export function marks(all: readonly Measured[]): readonly Mark[] {
  return [...new Set(all.map(({ store }) => store))].flatMap((store) => {
    const of = all.filter((each) => each.store === store);
    return [...atEveryPoint(store, of), ...hot(store, of), ...alone(store, of), ...lost(store, of)];
  });
}

function atEveryPoint(store: string, all: readonly Measured[]): Mark[] {
  const adaptive = all.filter(({ contestant }) => contestant === "adaptive");
  const ratios = adaptive.map((own) => {
    const others = all.filter((each) => isSame(each, own) && OUR_NAMES.includes(each.contestant));
    const best = Math.max(...others.map(({ updatesPerSecond }) => updatesPerSecond || 0));
    return { own, ratio: own.updatesPerSecond / best };
  });
  const worst = ratios.reduce((a, b) => (b.ratio < a.ratio ? b : a), ratios[0]!);
  if (worst === undefined) return [];
  const within10 = ratios.filter(({ ratio }) => ratio >= 0.9).length;
  const where = `${within10} of ${ratios.length} points; worst at ${describe(worst.own)}`;
  return [mark(store, `adaptive against the best strategy, ${where}`, worst.ratio, "≥", 0.9)];
}

function hot(store: string, all: readonly Measured[]): Mark[] {
  const at = (name: string) => find(all, name, HOT);
  const adaptive = at("adaptive");
  const others = ["optimistic", "pessimistic"].map((name) => at(name)?.updatesPerSecond ?? NaN);
  const pessimistic = at("pessimistic");
  const factor = HOT_FACTOR[store] ?? 1;
  const best = Math.max(...others);
  return [
    mark(
      store,
      `updates/s by adaptive, to the best of the others: ${describe(HOT)}`,
      (adaptive?.updatesPerSecond ?? NaN) / best,
      "≥",
      factor,
    ),
    mark(store, "… its p99, to pessimistic's", (adaptive?.p99 ?? NaN) / (pessimistic?.p99 ?? NaN), "≤", 1.5),
  ];
}

function alone(store: string, all: readonly Measured[]): Mark[] {
  const floor = FLOOR[store as StoreName];
  const ratio = (find(all, "adaptive", ALONE)?.p50 ?? NaN) / (find(all, floor, ALONE)?.p50 ?? NaN);
  return [mark(store, `an uncontended update, p50, to "${floor}"`, ratio, "≤", 1.3)];
}

function lost(store: string, all: readonly Measured[]): Mark[] {
  const ours = all.filter(({ contestant, error }) => OUR_NAMES.includes(contestant) && error === undefined);
  const worst = Math.max(0, ...ours.map((each) => Math.abs(each.lost)));
  return [mark(store, "updates lost or made twice, by any strategy at any point", worst, "≤", 0)];
}

function find(all: readonly Measured[], contestant: string, load: Load): Measured | undefined {
  return all.find((each) => each.contestant === contestant && isSame(each, load));
}

function mark(store: string, text: string, value: number, sign: "≤" | "≥", target: number): Mark {
  const isMet = sign === "≥" ? value >= target : value <= target;
  const verdict = Number.isNaN(value) ? "not measured" : isMet ? "met" : "missed";
  return { store, text, value, target: `${sign} ${target}`, verdict };
}
