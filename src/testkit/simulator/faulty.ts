import type { Backend, Listener, Session } from "../../backend.ts";
import { BackendError } from "../../errors.ts";
import type { Dice } from "./dice.ts";
import type { ProcessClock } from "./process-clock.ts";

/** What the network between a process and its store does. Probabilities in [0, 1], times in milliseconds. */
export interface Weather {
  /** Longest time one way, on a fine day. */
  readonly latencyMs: number;
  /** Longest time one way of what is late. */
  readonly lateMs: number;
  /** The request never arrives. */
  readonly lostRequest: number;
  /** The request takes effect, and nobody hears of it. */
  readonly lostReply: number;
  /** The request arrives late, perhaps long after its sender has given up. */
  readonly lateRequest: number;
  readonly lateReply: number;
  /** The request arrives again, late. */
  readonly twice: number;
  readonly lostPush: number;
  readonly latePush: number;
  readonly doublePush: number;
}

export const FINE: Weather = {
  latencyMs: 4,
  lateMs: 0,
  lostRequest: 0,
  lostReply: 0,
  lateRequest: 0,
  lateReply: 0,
  twice: 0,
  lostPush: 0,
  latePush: 0,
  doublePush: 0,
};

/**
 * A process's way to the store: what it asks travels over a network with weather. Where a request or a reply
 * is lost, the caller hears of an unknown outcome some time later, or never hears anything.
 */
export class FaultyNetwork {
  weather = FINE;
  #isCut = false;
  #heldBack: (() => void)[] = [];

  constructor(
    private readonly clock: ProcessClock,
    private readonly dice: Dice,
  ) {}

  /** Nothing gets through until it is healed; then all of it arrives, late. */
  cut(): void {
    this.#isCut = true;
  }

  heal(): void {
    this.#isCut = false;
    const heldBack = this.#heldBack;
    this.#heldBack = [];
    for (const happen of heldBack) this.#travel(false, happen);
  }

  /** The backend as the process at the other end of the network has it. */
  through(backend: Backend): Backend {
    const over =
      <Asked, Result>(name: string, verb: (asked: Asked) => Promise<Result>) =>
      (asked: Asked): Promise<Result> =>
        this.#call(backend.name, name, () => verb(asked));
    return {
      name: backend.name,
      guarantees: backend.guarantees,
      open: (session) => backend.open(this.#hearing(session)),
      admit: over("admit", (requests) => backend.admit(requests)),
      renew: over("renew", (requests) => backend.renew(requests)),
      release: over("release", (requests) => backend.release(requests)),
      revoke: over("revoke", (request) => backend.revoke(request)),
      inspect: over("inspect", (resource) => backend.inspect(resource)),
      list: over("list", (page) => backend.list(page)),
      write: over("write", (writes) => backend.write(writes)),
      read: (...asked) => this.#call(backend.name, "read", () => backend.read(...asked)),
      scan: (...asked) => this.#call(backend.name, "scan", () => backend.scan(...asked)),
      find: (...asked) => this.#call(backend.name, "find", () => backend.find(...asked)),
      history: (...asked) => this.#call(backend.name, "history", () => backend.history(...asked)),
      version: (...asked) => this.#call(backend.name, "version", () => backend.version(...asked)),
      changes: (...asked) => this.#call(backend.name, "changes", () => backend.changes(...asked)),
      feedEnd: over("feedEnd", (collection) => backend.feedEnd(collection)),
      prune: over("prune", (request) => backend.prune(request)),
      time: () => this.#call(backend.name, "time", () => backend.time()),
      close: () => backend.close(),
    };
  }

  #call<Result>(backend: string, operation: string, run: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const { dice, weather } = this;
      const hear = (happen: () => void): void => this.clock.whenAwake(happen);
      const goneWrong = (): void => {
        if (dice.chance(0.5)) return;
        const error = new BackendError(backend, operation, "unknown", { detail: "the network failed" });
        this.clock.world.timer(dice.between(1, 60), () => hear(() => reject(error)));
      };
      const answer = (happen: () => void): void => {
        if (dice.chance(weather.lostReply)) goneWrong();
        else this.#travel(dice.chance(weather.lateReply), () => hear(happen));
      };
      const arrive = (): void => {
        run().then(
          (result) => answer(() => resolve(result)),
          (error: unknown) => answer(() => reject(error as Error)),
        );
      };
      // A paused process sends nothing; what it was about to send leaves when it wakes up.
      this.clock.whenAwake(() => {
        if (dice.chance(weather.lostRequest)) return goneWrong();
        this.#travel(dice.chance(weather.lateRequest), arrive);
        if (dice.chance(weather.twice)) this.#travel(true, () => void run().catch(() => undefined));
      });
    });
  }

  #hearing(session: Session): Session {
    const push = (deliver: () => void): void => {
      const { dice, weather } = this;
      const times = dice.chance(weather.lostPush) ? 0 : dice.chance(weather.doublePush) ? 2 : 1;
      for (let time = 0; time < times; time += 1) {
        this.#travel(dice.chance(weather.latePush), () => this.clock.whenAwake(deliver));
      }
    };
    const { listener } = session;
    const hearing: Listener = {
      granted: (resource, leaseId, grant) => push(() => listener.granted(resource, leaseId, grant)),
      revoked: (resource, leaseId, reason) => push(() => listener.revoked(resource, leaseId, reason)),
      contended: (resource) => push(() => listener.contended(resource)),
      look: (resource, at) => push(() => listener.look(resource, at)),
    };
    return { ...session, listener: hearing };
  }

  #travel(late: boolean, arrive: () => void): void {
    const { latencyMs, lateMs } = this.weather;
    const ms = this.dice.throw() * (late ? lateMs : latencyMs);
    this.clock.world.timer(ms, () => {
      if (this.#isCut) this.#heldBack.push(arrive);
      else arrive();
    });
  }
}
