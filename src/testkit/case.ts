import type { Stage } from "./stage.ts";

/** A case of the kit: one promise of the contract. */
export interface Case {
  /** `<guarantee>: <sentence>`. */
  readonly name: string;
  run(stage: Stage): Promise<void>;
}
