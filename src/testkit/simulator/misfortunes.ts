import type { Dice } from "./dice.ts";
import { FINE } from "./faulty.ts";
import type { Fleet, Ship } from "./fleet.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** What befalls processes and their networks. */
export class Misfortunes {
  readonly #resumedAt = new Map<Ship, number>();

  constructor(
    private readonly world: VirtualClock,
    private readonly dice: Dice,
    private readonly fleet: Fleet,
    private readonly tell: (line: string) => void,
  ) {}

  /** Whether it was awake all the time since then. */
  wasAwake(ship: Ship, since: number): boolean {
    return ship.clock.isAwake && (this.#resumedAt.get(ship) ?? -1) < since;
  }

  storm(ship: Ship): void {
    const { dice } = this;
    const some = (most: number): number => (dice.chance(0.5) ? dice.throw() * most : 0);
    ship.network.weather = {
      latencyMs: dice.one([4, 20]),
      lateMs: dice.one([30, 120, 600]),
      lostRequest: some(0.3),
      lostReply: some(0.4),
      lateRequest: some(0.3),
      lateReply: some(0.3),
      twice: some(0.3),
      lostPush: some(1),
      latePush: some(0.5),
      doublePush: some(0.5),
    };
    const ms = dice.between(50, 800);
    this.tell(`${ship.name}: storm for ${ms}`);
    this.world.timer(ms, () => (ship.network.weather = FINE));
  }

  /** Nobody reaches the store: this process, or none at all. */
  cut(ship: Ship): void {
    const ships = this.dice.chance(0.3) ? this.fleet.all : [ship];
    const ms = this.dice.between(20, 700);
    for (const each of ships) each.network.cut();
    this.tell(`${ships.map(({ name }) => name).join(", ")}: cut for ${ms}`);
    this.world.timer(ms, () => ships.forEach(({ network }) => network.heal()));
  }

  pause(ship: Ship): void {
    const ms = this.dice.between(10, 900);
    this.tell(`${ship.name}: paused for ${ms}`);
    ship.clock.pause();
    this.world.timer(ms, () => this.#resume(ship));
  }

  crash(ship: Ship): void {
    this.tell(`${ship.name}: crashed`);
    ship.clock.crash();
    void this.fleet.launch();
  }

  /** All is well again, except with who has crashed. */
  end(): void {
    for (const ship of this.fleet.all) {
      this.#resume(ship);
      ship.network.weather = FINE;
      ship.network.heal();
    }
    this.tell("all is well");
  }

  #resume(ship: Ship): void {
    if (ship.clock.isAwake || ship.clock.hasCrashed) return;
    this.#resumedAt.set(ship, this.world.now());
    this.tell(`${ship.name}: resumed`);
    ship.clock.resume();
  }
}
