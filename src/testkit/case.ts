import type { Stage } from "./stage.ts";

/** A case of the kit: one promise of the contract. */
export interface Case {
  /** What a store must keep for the case to make sense; default: locks. */
  readonly of?: "records";
  /** `<guarantee>: <sentence>`. */
  readonly name: string;
  run(stage: Stage): Promise<void>;
}
