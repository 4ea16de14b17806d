import { pathToFileURL } from "node:url";
import type { Environment, SimulatedStore } from "holdfast/testkit";

/** A backend of one copy of dist/, as the simulator and the kit want it. */
export interface Subject {
  simulated(wall: () => number): SimulatedStore | Promise<SimulatedStore>;
  environment(): Environment | Promise<Environment>;
}

/** A copy of dist/. Nothing of the original may be mixed in. */
export class Copy {
  constructor(private readonly root: string) {}

  load<T>(file: string): Promise<T> {
    return import(pathToFileURL(`${this.root}/${file}`).href) as Promise<T>;
  }
}
