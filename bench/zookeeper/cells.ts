import { median, mostOverLeast, sum } from "../statistics.ts";
import type { Contention, ContestantProcess } from "./contestant.ts";

export type Numbers = Readonly<Record<string, number>>;

export interface Scale {
  readonly times: number;
  readonly ms: number;
}

export interface Cell {
  readonly title: string;
  readonly processes: number;
  measure(processes: readonly ContestantProcess[], scale: Scale, path: string): Promise<Numbers>;
}

const WARM_UP = 200;

const uncontended: Cell = {
  title: "one caller, one lock",
  processes: 1,
  async measure([process], { times }, path) {
    await process!.pairs(path, WARM_UP);
    await process!.rawPairs(`${path}-raw`, WARM_UP);
    const raw = await process!.rawPairs(`${path}-raw`, times);
    const pair = await process!.pairs(path, times);
    return { "acquire + release p50 ms": pair, "raw create + delete p50 ms": raw, "× raw": pair / raw };
  },
};

const manyKeys: Cell = {
  title: "256 locks at once, one process",
  processes: 1,
  async measure([process], { ms }, path) {
    await process!.keys(path, 256, ms / 4);
    return { "pairs/s": await process!.keys(path, 256, ms) };
  },
};

const crowd: Cell = {
  title: "one lock, one process × 128 callers",
  processes: 1,
  async measure([process], { ms }, path) {
    await process!.contend(path, 128, 0, ms / 4);
    const { shares } = await process!.contend(path, 128, 0, ms);
    return { "acquisitions/s": (sum(shares) * 1_000) / ms, "most/least": mostOverLeast(shares) };
  },
};

const rivals: Cell = {
  title: "one lock, 4 processes × 8 callers",
  processes: 4,
  async measure(processes, { ms }, path) {
    const compete = (long: number): Promise<readonly Contention[]> => {
      const startAt = Math.round((performance.timeOrigin + performance.now() + 100) * 1_000);
      return Promise.all(processes.map((process) => process.contend(path, 8, startAt, long)));
    };
    await compete(ms / 4);
    const logs = await compete(ms);
    const turns = logs
      .flatMap(({ moments }, process) => moments.map((at) => ({ at, process })))
      .sort((a, b) => a.at - b.at);
    const changes = turns.filter(({ process }, at) => process !== turns[at - 1]?.process).length;
    const shares = logs.flatMap((log) => log.shares);
    return {
      "acquisitions/s": (sum(shares) * 1_000) / ms,
      "process changes/s": (changes * 1_000) / ms,
      "most/least": mostOverLeast(shares),
    };
  },
};

const handover: Cell = {
  title: "handover to another process",
  processes: 2,
  async measure([first, second], { times }, path) {
    const took: number[] = [];
    await first!.hold(path);
    let [holder, waiter] = [first!, second!];
    for (let count = 0; count < times / 4; count++) {
      const granted = waiter.hold(path);
      // Long enough that it stands in line.
      await new Promise((resolve) => setTimeout(resolve, 12));
      const releasedAt = await holder.release();
      took.push(((await granted) - releasedAt) / 1_000);
      [holder, waiter] = [waiter, holder];
    }
    await holder.release();
    return { "release → grant p50 ms": median(took.slice(took.length / 5)) };
  },
};

export const cells: Readonly<Record<string, Cell>> = { uncontended, manyKeys, crowd, rivals, handover };
