import type { Backend, Owner } from "../../backend.ts";
import { sleep } from "../../clock.ts";
import { BackendError, ClosedError, LeaseLostError, LockTimeoutError } from "../../errors.ts";
import { AllLeases } from "../../locks/all.ts";
import type { Lease } from "../../locks/lease.ts";
import type { Fairness } from "../../locks/options.ts";
import { overtaken, type Wait } from "../history.ts";
import { Beliefs, type Belief } from "./beliefs.ts";
import type { Dice } from "./dice.ts";
import { errandOf, RESOURCES, type Errand } from "./errand.ts";
import { SimulationFailure } from "./failure.ts";
import { FINE } from "./faulty.ts";
import { CALL_MS, Fleet, NAMESPACE, TTL_MS, type Ship } from "./fleet.ts";
import { Misfortunes } from "./misfortunes.ts";
import type { SimulatedStore } from "./simulate.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** How long misfortunes go on, and how long everybody may need to finish after the last one. */
const VOYAGE_MS = 2_000;
const FINISH_MS = 30_000;
/** Closing gives leases back, each until its deadline, and may then have one more call to wait for. */
const CLOSE_MS = TTL_MS + 3 * CALL_MS;
const CALM = 0.2;
const STORY_LINES = 60;

const OPERATOR: Owner = { host: "onlooker", pid: 0 };

interface Pending {
  readonly what: string;
  readonly ship: Ship;
  readonly since: number;
  /** When it must have settled, if its process was awake all the time. */
  readonly settlesBy: number;
}

/** The simulation of one seed: a fleet of processes, what they want, and what befalls them. */
export class Voyage {
  errands = 0;
  granted = 0;
  lost = 0;
  readonly #isCalm: boolean;
  /** Calm, and first come, first served over all processes. */
  readonly #isStrict: boolean;
  readonly #fleet: Fleet;
  readonly #misfortunes: Misfortunes;
  readonly #pending = new Set<Pending>();
  readonly #closed = new Set<Ship>();
  readonly #waits: Wait[] = [];
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
    this.#isCalm = dice.chance(CALM);
    this.#isStrict = this.#isCalm && dice.chance(0.5);
    const fairness: readonly Fairness[] = this.#isStrict ? ["strict"] : ["local", "local", "strict"];
    this.#fleet = new Fleet(world, dice, () => store.backend(), fairness);
    this.#misfortunes = new Misfortunes(world, dice, this.#fleet, (line) => this.#tell(line));
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
      namespace: NAMESPACE,
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
      if (this.#isCalm) {
        this.#problem ??= await this.#beliefs.checkUnclaimed(world.now());
        this.#problem ??= this.#beliefs.checkFree(world.now());
      }
      for (const { what, ship, since, settlesBy } of this.#pending) {
        if (world.now() <= settlesBy || !this.#misfortunes.wasAwake(ship, since)) continue;
        this.#problem ??= `${what} does not settle in time`;
      }
      if (this.#problem !== undefined) this.#fail(this.#problem);
    }
    if (!isOver()) await world.advance(until - world.now());
  }

  #happen(): void {
    const awake = this.#fleet.awake;
    if (awake.length === 0) return;
    const ship = this.dice.one(awake);
    const odds = { errand: 70, storm: 6, cut: 4, pause: 5, crash: 1.5, revoke: 2, retire: 0.7 };
    const event = this.#isCalm ? "errand" : this.dice.weighted(odds);
    if (event === "errand") this.#send(ship);
    else if (event === "revoke") this.#revoke();
    else if (event === "retire") this.#retire(ship);
    else this.#misfortunes[event](ship);
  }

  #send(ship: Ship): void {
    const count = this.dice.chance(0.2) ? this.dice.between(2, 6) : 1;
    for (let each = 0; each < count; each += 1) {
      const errand = errandOf(ship.coordinator, this.dice, this.#isCalm);
      this.errands += 1;
      const who = `${ship.name}#${this.errands}`;
      this.#tell(`${who}: ${errand.verb} ${errand.lockable.resource}, waits ${errand.waitMs}`);
      const whole = this.#errand(ship, who, errand);
      this.#bounded(ship, `${who} as a whole`, Infinity, whole).catch((error: unknown) => {
        this.#tell(`${who}: ${String(error)}`);
        if (!this.#isExpected(error)) this.#problem ??= `${who} rejects with ${String(error)}`;
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
      const asked = this.world.now();
      const taking = lockable.lock(options);
      const wait = this.#beliefs.wait(who, errand.shares);
      const lease = await this.#bounded(ship, `${who} lock`, patience + slackMs, taking).finally(wait);
      if (lockable.resource === "invoice") this.#waits.push({ who, asked, granted: this.world.now() });
      await this.#hold(ship, who, errand, lease);
    } else {
      let seen: Lease | undefined;
      await lockable.withLock(async (lease) => {
        seen = lease;
        await this.#work(ship, who, errand, lease);
      }, options);
      if (seen?.lost.aborted === true) this.#problem ??= `${who} hears of success, yet it lost its lease`;
    }
  }

  async #hold(ship: Ship, who: string, errand: Errand, lease: Lease): Promise<void> {
    await this.#work(ship, who, errand, lease);
    await this.#bounded(ship, `${who} release`, TTL_MS + 2, lease.release());
  }

  async #work(ship: Ship, who: string, { shares, holdMs }: Errand, lease: Lease): Promise<void> {
    this.granted += 1;
    if (this.#closed.has(ship)) this.#problem ??= `${who} is granted after its coordinator closed`;
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

  /** Closes in the middle of everything: who holds loses, who waits is told. */
  #retire(ship: Ship): void {
    this.#close(ship);
    void this.#fleet.launch();
  }

  #close(ship: Ship): void {
    this.#tell(`${ship.name}: closes`);
    const closing = ship.coordinator.close().then(() => this.#closed.add(ship));
    void this.#bounded(ship, `${ship.name} close`, CLOSE_MS, closing);
  }

  /** An operator with a network of his own, so that we know when it takes effect. */
  #revoke(): void {
    const resource = this.dice.one(RESOURCES);
    this.#tell(`an operator revokes ${resource}`);
    void this.#onlooker
      .revoke({ resource, reason: "a simulation", by: OPERATOR })
      .then((places) => this.#beliefs.revoked(resource, places, this.world.now()));
  }

  /** All must come to an end, and leave nothing behind. */
  async #finish(): Promise<void> {
    this.#misfortunes.end();
    const open = (): readonly Pending[] =>
      [...this.#pending].filter(({ ship }) => !ship.clock.hasCrashed);
    await this.#sail(FINISH_MS, () => open().length === 0);
    const [stuck] = open();
    if (stuck !== undefined) this.#fail(`${stuck.what} never settles`);
    if (this.#isCalm && this.lost > 0) this.#fail("a lease was lost in calm weather");
    // Whoever asked so much later reached the store later, too.
    const [unfair] = this.#isStrict ? overtaken(this.#waits, FINE.latencyMs) : [];
    if (unfair !== undefined) this.#fail(`${unfair.who} was overtaken by ${unfair.by}`);
    const alive = this.#fleet.awake;
    for (const ship of alive) this.#close(ship);
    await this.#sail(CLOSE_MS + 1, () => open().length === 0);
    // A call that nobody answers may still be under way; it is given up in time.
    await this.#sail(CALL_MS + 1);
    const lively = alive.find(({ clock }) => clock.keepingAlive > 0);
    if (lively !== undefined) this.#fail(`a timer keeps ${lively.name} alive`);
  }

  #isExpected(error: unknown): boolean {
    if (error instanceof GivenUp || error instanceof LockTimeoutError) return true;
    const unfortunate = [LeaseLostError, BackendError, ClosedError];
    return !this.#isCalm && unfortunate.some((kind) => error instanceof kind);
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
