import type { Backend } from "../../backend.ts";
import { Coordinator } from "../../coordinator.ts";
import type { Fairness } from "../../locks/options.ts";
import type { Dice } from "./dice.ts";
import { FaultyNetwork } from "./faulty.ts";
import { ProcessClock } from "./process-clock.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export const NAMESPACE = "fleet";
export const TTL_MS = 240;
export const CALL_MS = 100;
const CLAIM_MS = 60;
const FALLBACK_MS = 150;

/** A process with its coordinator, its clock and its network. */
export interface Ship {
  readonly name: string;
  readonly clock: ProcessClock;
  readonly network: FaultyNetwork;
  readonly coordinator: Coordinator;
}

/** The processes of one simulation. Who crashes is succeeded by a new one. */
export class Fleet {
  readonly all: Ship[] = [];

  constructor(
    private readonly world: VirtualClock,
    private readonly dice: Dice,
    private readonly backend: () => Backend | Promise<Backend>,
    /** One of these for each process. */
    private readonly fairness: readonly Fairness[],
  ) {}

  get awake(): readonly Ship[] {
    return this.all.filter(({ clock }) => clock.isAwake);
  }

  async launch(): Promise<Ship> {
    const clock = new ProcessClock(this.world, this.dice.between(-10_000_000, 10_000_000));
    const network = new FaultyNetwork(clock, this.dice);
    const coordinator = new Coordinator(network.through(await this.backend()), {
      namespace: NAMESPACE,
      ttlMs: TTL_MS,
      claimMs: CLAIM_MS,
      fallbackMs: FALLBACK_MS,
      callMs: CALL_MS,
      fair: this.dice.one(this.fairness),
      clock,
    });
    const ship = { name: `n${this.all.length}`, clock, network, coordinator };
    this.all.push(ship);
    await coordinator.open();
    return ship;
  }
}
