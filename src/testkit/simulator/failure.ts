import type { Entry, Program } from "./program.ts";

const SHOWN_BEFORE = 12;

/** A promise broken on the way of a program, with what led to it. */
export class SimulationFailure extends Error {
  override readonly name = "SimulationFailure";
  readonly seed: number;

  constructor(
    problem: string,
    program: Program,
    /** Index of the step that showed it. */
    readonly step: number,
  ) {
    const from = Math.max(0, step - SHOWN_BEFORE);
    const lines = program.entries.slice(from, step + 1).map((entry, at) => told(entry, from + at));
    super(`seed ${program.seed}, step ${step}: ${problem}\n${lines.join("\n")}`);
    this.seed = program.seed;
  }
}

function told({ now, why, step, expected }: Entry, at: number): string {
  const { do: verb, process, ...rest } = step;
  const clock = now % 10_000_000;
  return `  ${at} at ${clock}: p${process} ${verb} (${why}) ${text(rest)} → ${text(expected)}`;
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? `${each}n` : each));
}
