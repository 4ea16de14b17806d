import { Dice } from "./dice.ts";
import type { SimulatedStore } from "./simulate.ts";
import { VirtualClock } from "./virtual-clock.ts";
import { Voyage } from "./voyage.ts";

export interface CoordinatorSimulationOptions {
  /**
   * Opens a store that takes its time, ms since 1970, from `wall`, and answers without any real I/O: time
   * stands still until nothing is left to do.
   */
  readonly open: (wall: () => number) => SimulatedStore | Promise<SimulatedStore>;
  readonly seeds: Iterable<number>;
}

export interface CoordinatorSimulationSummary {
  readonly voyages: number;
  readonly errands: number;
  readonly granted: number;
  readonly lost: number;
}

/**
 * Runs whole coordinators against a store behind bad networks, on a virtual clock: replies and pushes that
 * are lost, late or doubled, processes that pause and crash, a store nobody reaches, clocks that are off and
 * do not run at the same rate. Nobody may believe to hold what it does not hold, every call must settle, and
 * in the end everybody who waits must get its turn. Some seeds are calm: there, nothing may be lost or late.
 *
 * @throws SimulationFailure at the first broken promise, with the seed that shows it again.
 */
export async function simulateCoordinators({
  open,
  seeds,
}: CoordinatorSimulationOptions): Promise<CoordinatorSimulationSummary> {
  const summary = { voyages: 0, errands: 0, granted: 0, lost: 0 };
  for (const seed of seeds) {
    const world = new VirtualClock(seed);
    const dice = new Dice(seed);
    // Rates differ by less than the margin that leases allow for.
    const rate = 1 + dice.between(-40, 40) / 10_000;
    const store = await open(() => Math.floor(1_700_000_000_000 + world.now() * rate));
    const voyage = new Voyage(seed, world, dice, store);
    try {
      await voyage.run();
    } finally {
      await store.close();
    }
    summary.voyages += 1;
    summary.errands += voyage.errands;
    summary.granted += voyage.granted;
    summary.lost += voyage.lost;
  }
  return summary;
}
