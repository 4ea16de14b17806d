import type { Numbers } from "./cell.ts";
import type { ContestantName } from "./lockers/contestants.ts";
import { median } from "./statistics.ts";

/** One measurement. Without numbers, it failed. */
export interface Sample {
  readonly cell: string;
  readonly contestant: ContestantName;
  readonly round: number;
  readonly numbers?: Numbers;
  readonly error?: string;
  /** Cores that programs other than ours kept busy meanwhile. NaN where that is unknown. */
  readonly foreignCores: number;
}

/** The samples of one run, to be looked at by cell, contestant and column. */
export class Results {
  constructor(readonly samples: readonly Sample[]) {}

  contestants(cell: string): readonly ContestantName[] {
    const names = this.samples.filter((one) => one.cell === cell).map((one) => one.contestant);
    return [...new Set(names)];
  }

  of(cell: string, contestant: ContestantName): readonly Sample[] {
    return this.samples.filter((one) => one.cell === cell && one.contestant === contestant);
  }

  columns(cell: string): readonly string[] {
    const numbers = this.samples.filter((one) => one.cell === cell).map((one) => one.numbers ?? {});
    return [...new Set(numbers.flatMap(Object.keys))];
  }

  /** Over the rounds; NaN when it was not measured. */
  median(cell: string, contestant: ContestantName, column: string): number {
    return median(this.#values(this.of(cell, contestant), column));
  }

  /** Of one round; where that round did not measure it, the median of those that did. */
  inRound(round: number, cell: string, contestant: ContestantName, column: string): number {
    const samples = this.of(cell, contestant).filter((one) => one.round === round);
    const [value] = this.#values(samples, column);
    return value ?? this.median(cell, contestant, column);
  }

  get rounds(): readonly number[] {
    return [...new Set(this.samples.map(({ round }) => round))];
  }

  #values(samples: readonly Sample[], column: string): readonly number[] {
    return samples.map(({ numbers }) => numbers?.[column]).filter((value) => value !== undefined);
  }
}
