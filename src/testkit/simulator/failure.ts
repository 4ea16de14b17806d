/** A promise broken in a simulation, with what led to it. The seed shows it again. */
export class SimulationFailure extends Error {
  override readonly name = "SimulationFailure";

  constructor(
    problem: string,
    readonly seed: number,
    /** What happened before, oldest first. */
    story: readonly string[],
  ) {
    super(`seed ${seed}: ${problem}\n${story.map((line) => `  ${line}`).join("\n")}`);
  }
}
