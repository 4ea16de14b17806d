import { ALL, IDLE_MEMORY_MS, type AdmitRequest, type Guarantees } from "../../backend.ts";
import { Dice } from "./dice.ts";
import { PROCESSES, type Program } from "./program.ts";
import { processAt, Script } from "./script.ts";
import { Writers } from "./writers.ts";

type Verb = "admit" | "renew" | "release";

/** Something a process means to do, sooner or later. */
interface Plan {
  at: number;
  readonly verb: Verb;
  readonly process: number;
  readonly request: AdmitRequest;
  readonly why: string;
}

/** Makes the program of a seed: what real processes do to a store, and what goes wrong on the way. */
export function programOf(seed: number, guarantees: Guarantees): Program {
  return new Traffic(new Script(seed, guarantees), guarantees).run();
}

class Traffic {
  readonly #dice: Dice;
  readonly #script: Script;
  readonly #writers: Writers;
  readonly #capacities: ReadonlyMap<string, number>;
  readonly #resources: readonly string[];
  /** Lease ids in use, and their requests. */
  readonly #requests = new Map<string, { readonly process: number; readonly request: AdmitRequest }>();
  #plans: Plan[] = [];
  #leases = 0;

  constructor(script: Script, guarantees: Guarantees) {
    const dice = new Dice(script.seed);
    this.#dice = dice;
    this.#script = script;
    const count = dice.between(1, 4);
    const names = Array.from({ length: count }, (_, at) => `${script.prefix}r${at}`);
    this.#capacities = new Map(
      names.map((name) => [name, dice.one([1, 1, dice.between(2, 5), ALL])]),
    );
    this.#resources = names;
    this.#writers = new Writers(script, dice, names, guarantees);
  }

  run(): Program {
    const steps = this.#dice.between(40, 120);
    while (this.#script.length < steps) {
      if (this.#plans.length > 0 && this.#dice.chance(0.65)) this.#next();
      else this.#happen();
      this.#hear();
    }
    this.#finish();
    return this.#script.end();
  }

  /** Carries out what is planned next, perhaps with others of its kind in one call. */
  #next(): void {
    this.#plans.sort((a, b) => a.at - b.at);
    const [first, ...rest] = this.#plans;
    if (first === undefined) return;
    const { verb, process, why } = first;
    const alike = rest.filter((plan) => plan.verb === verb && plan.process === process);
    const together = this.#dice.chance(0.3) ? alike.slice(0, 3) : [];
    this.#plans = rest.filter((plan) => !together.includes(plan));
    this.#script.now = Math.max(this.#script.now, first.at);
    const requests = [first, ...together].map(({ request }) => request);
    if (verb === "admit") this.#admit(process, requests, why);
    else if (verb === "renew") this.#renew(process, requests, why);
    else this.#release(process, requests, why);
  }

  #happen(): void {
    const process = this.#dice.between(0, PROCESSES.length - 1);
    const resource = this.#dice.one(this.#resources);
    const event = this.#dice.weighted({
      arrive: 40,
      several: 5,
      pass: 16,
      record: 20,
      look: 5,
      list: 2,
      poke: 5,
      stray: 3,
      revoke: 3,
      pause: 3,
      crash: 1.5,
      stepBack: 0.4,
      idle: 0.3,
    });
    if (event === "arrive") this.#admit(process, [this.#ask(process, resource)], "arrives");
    else if (event === "several") this.#admit(process, this.#askForSome(process), "arrives");
    else if (event === "pass") this.#pass(resource);
    else if (event === "record") this.#writers.act(process);
    else if (event === "look") this.#script.inspect(process, resource);
    else if (event === "list") this.#script.list(process, this.#resources);
    else if (event === "poke") this.#poke();
    else if (event === "stray") this.#stray(process, resource);
    else if (event === "revoke") this.#revoke(process, resource);
    else if (event === "pause") this.#pause(process, this.#dice.between(20, 600));
    else if (event === "crash") this.#pause(process, Infinity);
    else if (event === "stepBack") this.#stepBack(process);
    else this.#idle();
  }

  /** Writes follow, lest the clock makes up for it before anybody stamps a version. */
  #stepBack(process: number): void {
    this.#script.now -= this.#dice.between(1, 40);
    for (let times = 0; times < 3; times += 1) this.#writers.act(process);
  }

  /** What processes do about grants that are pushed to them: at once, late, twice, or never. */
  #hear(): void {
    for (const { leaseId, resource, grant } of this.#script.takeGrants()) {
      const known = this.#requests.get(leaseId);
      if (known === undefined) continue;
      const { process, request } = known;
      const { claimMs } = processAt(process);
      this.#writers.learn(resource, grant.token, request);
      const fate = this.#dice.weighted({ prompt: 60, late: 12, doubled: 10, lost: 18 });
      const claim = (afterMs: number, why: string): void =>
        this.#plan("renew", process, request, afterMs, why);
      if (fate === "lost") continue;
      if (fate === "late") claim(claimMs + this.#dice.between(-1, 30), "heard late, claims");
      else claim(this.#dice.between(0, 10), "heard, claims");
      if (fate === "doubled") claim(this.#dice.between(0, 40), "heard twice, claims");
    }
  }

  #ask(process: number, resource: string): AdmitRequest {
    const dice = this.#dice;
    const usual = this.#capacities.get(resource) ?? 1;
    const other = usual === ALL ? 3 : usual + 1;
    const capacity = dice.chance(0.03) ? other : usual;
    const request = {
      resource,
      leaseId: `${processAt(process).processId}:${this.#script.seed}.${(this.#leases += 1)}`,
      permits: capacity === ALL ? dice.one([1, 1, ALL]) : dice.between(1, capacity),
      capacity,
      ttlMs: dice.one([20, 50, 120, 400]),
      wait: dice.chance(0.8),
      ...(dice.chance(0.04) ? { steal: true } : {}),
    };
    this.#requests.set(request.leaseId, { process, request });
    return request;
  }

  #askForSome(process: number): readonly AdmitRequest[] {
    const count = this.#dice.between(2, 5);
    return Array.from({ length: count }, () => this.#ask(process, this.#dice.one(this.#resources)));
  }

  #admit(process: number, requests: readonly AdmitRequest[], why: string): void {
    const dice = this.#dice;
    const { patienceMs } = processAt(process);
    const answers = this.#script.admit(process, requests, why);
    for (const [at, answer] of answers.entries()) {
      const request = requests[at]!;
      const plan = (verb: Verb, afterMs: number, reason: string): void =>
        this.#plan(verb, process, request, afterMs, reason);
      if (dice.chance(0.08)) plan("admit", dice.between(1, 8), "lost the reply, asks again");
      if (dice.chance(0.08)) plan("admit", dice.between(1, 900), "a late duplicate");
      if (dice.chance(0.06)) continue;
      if (answer.kind === "granted") {
        this.#writers.learn(request.resource, answer.token, request);
        const untilEnd = answer.expiresAt - this.#script.now;
        if (dice.chance(0.5)) plan("renew", dice.between(1, untilEnd + 2), "renews");
        else plan("release", dice.between(0, request.ttlMs), "releases");
      } else if (answer.kind === "waiting") {
        if (dice.chance(0.12)) plan("release", dice.between(0, 200), "gives up");
        if (dice.chance(0.6)) plan("admit", answer.lookAt - this.#script.now, "looks when told");
        else plan("admit", dice.between(1, patienceMs + 5), "looks");
      }
    }
  }

  #renew(process: number, requests: readonly AdmitRequest[], why: string): void {
    const dice = this.#dice;
    for (const [at, kind] of this.#script.renew(process, requests, why).entries()) {
      const request = requests[at]!;
      if (dice.chance(0.06)) this.#plan("renew", process, request, dice.between(1, 500), "a late duplicate");
      if (kind !== "renewed" || dice.chance(0.06)) continue;
      const more = dice.chance(0.4);
      const afterMs = dice.between(1, request.ttlMs + (more ? 1 : 0));
      this.#plan(more ? "renew" : "release", process, request, afterMs, more ? "renews" : "releases");
    }
  }

  #release(process: number, requests: readonly AdmitRequest[], why: string): void {
    this.#script.release(process, requests, why);
    for (const request of requests) {
      if (!this.#dice.chance(0.15)) continue;
      const verb = this.#dice.one<Verb>(["release", "release", "admit", "renew"]);
      this.#plan(verb, process, request, this.#dice.between(0, 300), "a late duplicate");
    }
  }

  /** Time passes: a little, or to just before, at, or just after the end of some place. */
  #pass(resource: string): void {
    const ends = this.#script.locks.inspect(resource).places.map(({ expiresAt }) => expiresAt);
    if (ends.length === 0 || this.#dice.chance(0.4)) {
      this.#script.now += this.#dice.between(1, 60);
    } else {
      this.#script.now = Math.max(this.#script.now, this.#dice.one(ends) + this.#dice.between(-1, 1));
    }
  }

  /** A process does something with a lease that it had better not do now. */
  #poke(): void {
    const recent = [...this.#requests.values()].slice(-8);
    if (recent.length === 0) return;
    const { process, request } = this.#dice.one(recent);
    if (this.#dice.chance(0.6)) this.#script.renew(process, [request], "renews at a whim");
    else this.#script.admit(process, [request], "asks at a whim");
  }

  /** Requests that come in the wrong order, or name what does not exist. */
  #stray(process: number, resource: string): void {
    const request = this.#ask(process, resource);
    if (this.#dice.chance(0.5)) this.#script.renew(process, [request], "renews what is not there");
    else this.#script.release(process, [request], "releases before it asked");
    this.#plan("admit", process, request, this.#dice.between(0, 30), "asks after that");
  }

  #revoke(process: number, resource: string): void {
    const { places } = this.#script.locks.inspect(resource);
    const one = places.length > 0 && this.#dice.chance(0.5);
    if (one) this.#script.revoke(process, resource, this.#dice.one(places).leaseId);
    else this.#script.revoke(process, resource);
  }

  /** The process does nothing for so long. For ever: it has crashed, and a successor comes. */
  #pause(process: number, ms: number): void {
    for (const plan of this.#plans) if (plan.process === process) plan.at += ms;
    this.#plans = this.#plans.filter(({ at }) => at < Infinity);
  }

  /** So long a time that the store may have forgotten everything; the processes do so, too. */
  #idle(): void {
    this.#script.now += IDLE_MEMORY_MS + this.#dice.between(1, 100_000);
    this.#plans = [];
    this.#requests.clear();
    this.#writers.forget();
  }

  /** All live on and do their duty: everybody who waits must get its turn. */
  #finish(): void {
    for (const resource of this.#resources) {
      for (;;) {
        const [first] = this.#script.locks.inspect(resource).places;
        if (first === undefined) break;
        const known = this.#requests.get(first.leaseId);
        if (known === undefined) throw new Error(`nobody knows ${first.leaseId}`);
        if (first.token === null) this.#script.admit(known.process, [known.request], "waits to the end");
        else this.#script.release(known.process, [known.request], "leaves at the end");
        this.#script.takeGrants();
      }
      this.#script.inspect(0, resource);
    }
  }

  #plan(verb: Verb, process: number, request: AdmitRequest, afterMs: number, why: string): void {
    this.#plans.push({ at: this.#script.now + Math.max(0, afterMs), verb, process, request, why });
  }
}
