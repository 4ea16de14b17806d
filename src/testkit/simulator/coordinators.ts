import type { Backend, Owner } from "../../backend.ts";
import { BackendError, ClosedError, LeaseLostError, LockTimeoutError } from "../../errors.ts";
import { sleep } from "../../clock.ts";
import { AllLeases } from "../../locks/all.ts";
import type { Lease } from "../../locks/lease.ts";
import { Beliefs, type Belief } from "./beliefs.ts";
import { Dice } from "./dice.ts";
import { errandOf, RESOURCES, type Errand } from "./errand.ts";
import { SimulationFailure } from "./failure.ts";
import { FINE } from "./faulty.ts";
import { CALL_MS, Fleet, TTL_MS, type Ship } from "./fleet.ts";
import type { SimulatedStore } from "./simulate.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** How long misfortunes go on, and how long everybody may need to finish after the last one. */
const VOYAGE_MS = 2_000;
const FINISH_MS = 30_000;
/** Closing gives leases back, each until its deadline, and may then have one more call to wait for. */
const CLOSE_MS = TTL_MS + 3 * CALL_MS;
const STORY_LINES = 60;

const OPERATOR: Owner = { host: "onlooker", pid: 0 };

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
 * Runs whole coordinators against a store behind bad networks, on a virtual clock: replies and pushes that are
 * lost, late or doubled, processes that pause and crash, a store nobody reaches, clocks that are off and do not
 * run at the same rate. Nobody may believe to hold what it does not hold, every call must settle, and in the
 * end everybody who waits must get its turn.
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

interface Pending {
  readonly what: string;
  readonly ship: Ship;
  readonly since: number;
  /** When it must have settled, if its process was awake all the time. */
  readonly settlesBy: number;
}

class Voyage {
  errands = 0;
  granted = 0;
  lost = 0;
  readonly #fleet: Fleet;
  readonly #pending = new Set<Pending>();
  readonly #pausedAt = new Map<Ship, number>();
  readonly #story: string[] = [];
  #onlooker!: Backend;
  #beliefs!: Beliefs;
  #problem: string | undefined;

  constructor(
    readonly seed: number,
    private readonly world: VirtualClock,
    private readonly dice: Dice,
    private readonly store: SimulatedStore,
  ) {
    this.#fleet = new Fleet(world, dice, () => store.backend());
  }

  async run(): Promise<void> {
    const { dice, world } = this;
    this.#onlooker = await this.#watch();
    this.#beliefs = new Beliefs(this.#onlooker, TTL_MS);
    const count = dice.between(2, 4);
    for (let ship = 0; ship < count; ship += 1) await this.#fleet.launch();
    for (let at = 0; at < VOYAGE_MS; at += dice.between(1, 60)) {
      world.timer(at, () => this.#happen());
    }
    await this.#sail(VOYAGE_MS);
    await this.#finish();
    await this.#onlooker.close();
  }

  async #watch(): Promise<Backend> {
    const backend = await this.store.backend();
    await backend.open({
      namespace: "fleet",
      processId: "onlooker",
      owner: OPERATOR,
      claimMs: 1,
      patienceMs: 1,
      listener: { granted() {}, revoked() {}, contended() {}, look() {} },
    });
    return backend;
  }

  /** Lets time pass, and looks after every moment at which something happened. */
  async #sail(ms: number, isOver: () => boolean = () => false): Promise<void> {
    const { world } = this;
    const until = world.now() + ms;
    while (!isOver() && (world.next ?? Infinity) <= until) {
      await world.advance(Math.max(0, world.next! - world.now())).catch((error: unknown) => {
        this.#fail((error as Error).stack ?? String(error));
      });
      this.#problem ??= await this.#beliefs.check(world.now());
      for (const { what, ship, since, settlesBy } of this.#pending) {
        const slept = !ship.clock.isAwake || (this.#pausedAt.get(ship) ?? -1) >= since;
        if (!slept && world.now() > settlesBy) this.#problem ??= `${what} does not settle in time`;
      }
      if (this.#problem !== undefined) this.#fail(this.#problem);
    }
    if (!isOver()) await world.advance(until - world.now());
  }

  #happen(): void {
    const { dice } = this;
    const awake = this.#fleet.awake;
    if (awake.length === 0) return;
    const ship = dice.one(awake);
    const event = dice.weighted({
      errand: 70,
      storm: 6,
      cut: 4,
      pause: 5,
      revoke: 2,
      crash: 1.5,
      retire: 0.7,
    });
    if (event === "errand") this.#send(ship);
    else if (event === "storm") this.#storm(ship);
    else if (event === "cut") this.#cut(ship);
    else if (event === "pause") this.#pause(ship);
    else if (event === "crash") this.#crash(ship);
    else if (event === "revoke") this.#revoke();
    else this.#retire(ship);
  }

  #send(ship: Ship): void {
    const count = this.dice.chance(0.2) ? this.dice.between(2, 6) : 1;
    for (let each = 0; each < count; each += 1) {
      const errand = errandOf(ship.coordinator, this.dice);
      this.errands += 1;
      const who = `${ship.name}#${this.errands}`;
      this.#tell(`${who}: ${errand.verb} ${errand.lockable.resource}, waits ${errand.waitMs}`);
      const whole = this.#errand(ship, who, errand);
      this.#bounded(ship, `${who} as a whole`, Infinity, whole).catch((error: unknown) => {
        this.#tell(`${who}: ${String(error)}`);
        if (!isExpected(error)) this.#problem ??= `${who} rejects with ${String(error)}`;
      });
    }
  }

  async #errand(ship: Ship, who: string, errand: Errand): Promise<void> {
    const { lockable, verb, waitMs, abortMs } = errand;
    const giveUp = new AbortController();
    if (abortMs !== undefined) {
      ship.clock.timer(abortMs, () => giveUp.abort(new GivenUp()), { keepAlive: false });
    }
    const options = { signal: giveUp.signal, ...(waitMs === undefined ? {} : { waitMs }) };
    // Several locks may have to be given back after the last moment, which their leases bound.
    const slackMs = errand.shares.size > 1 ? 2 * TTL_MS : 2;
    // Who would not wait for a holder waits for the store's answer.
    const patience = Math.min(waitMs === 0 ? CALL_MS : (waitMs ?? Infinity), abortMs ?? Infinity);
    if (verb === "tryLock") {
      const taking = lockable.tryLock({ signal: giveUp.signal });
      const lease = await this.#bounded(ship, `${who} tryLock`, CALL_MS + slackMs, taking);
      if (lease !== null) await this.#hold(ship, who, errand, lease);
    } else if (verb === "lock") {
      const lease = await this.#bounded(ship, `${who} lock`, patience + slackMs, lockable.lock(options));
      await this.#hold(ship, who, errand, lease);
    } else {
      let lastSeen: Lease | undefined;
      const work = lockable.withLock(async (lease) => {
        lastSeen = lease;
        await this.#work(ship, who, errand, lease);
      }, options);
      await this.#bounded(ship, `${who} withLock`, Infinity, work);
      // It resolved: then the lease was never lost.
      if (lastSeen?.lost.aborted === true) this.#problem ??= `${who} is told of success, yet it lost the lease`;
    }
  }

  async #hold(ship: Ship, who: string, errand: Errand, lease: Lease): Promise<void> {
    await this.#work(ship, who, errand, lease);
    await this.#bounded(ship, `${who} release`, TTL_MS + CALL_MS + 2, lease.release());
  }

  async #work(ship: Ship, who: string, { shares, holdMs }: Errand, lease: Lease): Promise<void> {
    this.granted += 1;
    this.#tell(`${who}: granted ${lease.resource} under ${lease.token}`);
    const leases = lease instanceof AllLeases ? lease.leases : [lease];
    const beliefs = leases.map((each): Belief => {
      const share = shares.get(each.resource) ?? 1;
      return { who, clock: ship.clock, lease: each, share };
    });
    for (const belief of beliefs) this.#problem ??= this.#beliefs.add(belief);
    lease.lost.addEventListener("abort", () => {
      this.lost += 1;
      this.#tell(`${who}: lost`);
    });
    await sleep(ship.clock, holdMs);
    for (const belief of beliefs) this.#beliefs.delete(belief);
    this.#tell(`${who}: gives back`);
  }

  #storm(ship: Ship): void {
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
    this.#tell(`${ship.name}: storm for ${ms}`);
    this.world.timer(ms, () => (ship.network.weather = FINE));
  }

  #cut(ship: Ship): void {
    const ships = this.dice.chance(0.3) ? this.#fleet.all : [ship];
    const ms = this.dice.between(20, 700);
    for (const each of ships) each.network.cut();
    this.#tell(`${ships.map(({ name }) => name).join(", ")}: cut for ${ms}`);
    this.world.timer(ms, () => ships.forEach(({ network }) => network.heal()));
  }

  #pause(ship: Ship): void {
    const ms = this.dice.between(10, 900);
    this.#tell(`${ship.name}: paused for ${ms}`);
    ship.clock.pause();
    this.world.timer(ms, () => this.#resume(ship));
  }

  #resume(ship: Ship): void {
    if (ship.clock.isAwake || ship.clock.hasCrashed) return;
    this.#pausedAt.set(ship, this.world.now());
    this.#tell(`${ship.name}: resumed`);
    ship.clock.resume();
  }

  #crash(ship: Ship): void {
    this.#tell(`${ship.name}: crashed`);
    ship.clock.crash();
    void this.#fleet.launch();
  }

  /** Closes in the middle of everything: who holds loses, who waits is told. */
  #retire(ship: Ship): void {
    this.#tell(`${ship.name}: closes`);
    void this.#bounded(ship, `${ship.name} close`, CLOSE_MS, ship.coordinator.close());
    void this.#fleet.launch();
  }

  /** An operator with a network of his own, so that we know when it takes effect. */
  #revoke(): void {
    const resource = this.dice.one(RESOURCES);
    this.#tell(`an operator revokes ${resource}`);
    void this.#onlooker
      .revoke({ resource, reason: "a simulation", by: OPERATOR })
      .then((places) => this.#beliefs.revoked(resource, places, this.world.now()));
  }

  /** Misfortunes are over: all must come to an end, and leave nothing behind. */
  async #finish(): Promise<void> {
    for (const ship of this.#fleet.all) {
      this.#resume(ship);
      ship.network.weather = FINE;
      ship.network.heal();
    }
    this.#tell("all is well");
    const open = (): readonly Pending[] =>
      [...this.#pending].filter(({ ship }) => !ship.clock.hasCrashed);
    await this.#sail(FINISH_MS, () => open().length === 0);
    const [stuck] = open();
    if (stuck !== undefined) this.#fail(`${stuck.what} never settles`);
    const alive = this.#fleet.awake;
    for (const ship of alive) {
      void this.#bounded(ship, `${ship.name} close`, CLOSE_MS, ship.coordinator.close());
    }
    await this.#sail(CLOSE_MS + 1, () => open().length === 0);
    // A call that nobody answers may still be under way; it is given up in time.
    await this.#sail(CALL_MS + 1);
    const lively = alive.find(({ clock }) => clock.keepingAlive > 0);
    if (lively !== undefined) this.#fail(`a timer keeps ${lively.name} alive`);
  }

  #bounded<T>(ship: Ship, what: string, ms: number, promise: Promise<T>): Promise<T> {
    const since = this.world.now();
    const pending = { what, ship, since, settlesBy: since + ms };
    this.#pending.add(pending);
    return promise.finally(() => this.#pending.delete(pending));
  }

  #tell(line: string): void {
    this.#story.push(`${this.world.now().toFixed(1)} ${line}`);
    if (this.#story.length > STORY_LINES) this.#story.shift();
  }

  #fail(problem: string): never {
    throw new SimulationFailure(`at ${this.world.now().toFixed(1)}: ${problem}`, this.seed, this.#story);
  }
}

/** Why somebody stopped waiting. */
class GivenUp extends Error {
  override readonly name = "GivenUp";
}

function isExpected(error: unknown): boolean {
  return [GivenUp, LockTimeoutError, LeaseLostError, BackendError, ClosedError].some(
    (kind) => error instanceof kind,
  );
}
