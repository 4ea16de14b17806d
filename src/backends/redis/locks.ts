import {
  IDLE_MEMORY_MS,
  type Admission,
  type AdmitRequest,
  type Inspection,
  type Owner,
  type Place,
  type Release,
  type ReleaseRequest,
  type Renewal,
  type RenewRequest,
  type Reply,
  type Revocation,
  type RevokeRequest,
  type Session,
} from "../../backend.ts";
import { systemClock } from "../../clock.ts";
import type { Keys } from "./keys.ts";
import type { LOCK_SCRIPTS } from "./lock-scripts.ts";
import type { Scripts } from "./scripts.ts";

export type LockScripts = Scripts<keyof typeof LOCK_SCRIPTS>;

const RELEASED: Release = Object.freeze({ kind: "released" });
const GONE = Object.freeze({ kind: "gone" } as const);

/** The verbs on locks: requests into arguments, numbers into answers. */
export class Locks {
  readonly #scripts: LockScripts;
  readonly #keys: Keys;
  /** The clock as an argument: nothing, so that the server's is taken, unless time is simulated. */
  readonly #now: () => string;
  /** The end of all terms. */
  readonly #terms: string;

  constructor(scripts: LockScripts, keys: Keys, session: Session, now: () => string) {
    this.#scripts = scripts;
    this.#keys = keys;
    this.#now = now;
    const { claimMs, patienceMs, owner } = session;
    this.#terms = `${Math.ceil(claimMs)} ${patienceMs} ${JSON.stringify(owner)}`;
  }

  async admit(requests: readonly AdmitRequest[]): Promise<Reply<Admission>> {
    const command = this.#command(requests);
    const terms = haveSameTerms(requests) ? requests.slice(0, 1) : requests;
    for (const { ttlMs, wait, steal, permits, capacity } of terms) {
      const manner = (wait ? "1" : "0") + (steal === true ? "1" : "0");
      command.push(String(ttlMs), keepMs(ttlMs), `${manner} ${permits} ${capacity} ${this.#terms}`);
    }
    for (const request of requests) command.push(request.leaseId);
    const { micros, exceptions } = answers(await this.#scripts.run("admit", command));
    const now = millis(micros);
    const results: Admission[] = [];
    for (const { ttlMs } of requests) {
      results.push({ kind: "granted", token: micros, expiresAt: now + ttlMs, waiting: 0 });
    }
    for (let at = 1; at < exceptions.length; at += 5) {
      results[Number(exceptions[at])] = admission(exceptions.slice(at + 1, at + 5).map(Number));
    }
    return { now, results };
  }

  async renew(requests: readonly RenewRequest[]): Promise<Reply<Renewal>> {
    const command = this.#command(requests);
    const ttlMs = requests[0]?.ttlMs;
    const terms = requests.every((each) => each.ttlMs === ttlMs) ? requests.slice(0, 1) : requests;
    for (const term of terms) command.push(String(term.ttlMs), keepMs(term.ttlMs));
    for (const request of requests) command.push(request.leaseId);
    const { micros, exceptions } = answers(await this.#scripts.run("renew", command));
    const now = millis(micros);
    const results: Renewal[] = [];
    for (const each of requests) {
      results.push({ kind: "renewed", expiresAt: now + each.ttlMs, waiting: 0 });
    }
    for (let at = 1; at < exceptions.length; at += 2) {
      const index = Number(exceptions[at]);
      const waiting = Number(exceptions[at + 1]);
      results[index] =
        waiting < 0 ? GONE : { kind: "renewed", expiresAt: now + requests[index]!.ttlMs, waiting };
    }
    return { now, results };
  }

  async release(requests: readonly ReleaseRequest[]): Promise<Reply<Release>> {
    const command = this.#command(requests);
    for (const request of requests) command.push(request.leaseId);
    const { micros, exceptions } = answers(await this.#scripts.run("release", command));
    const results = new Array<Release>(requests.length).fill(RELEASED);
    for (let at = 1; at < exceptions.length; at++) results[Number(exceptions[at])] = GONE;
    return { now: millis(micros), results };
  }

  async revoke(request: RevokeRequest): Promise<readonly Place[]> {
    const command = this.#command([request]);
    command.push(request.leaseId ?? "", request.reason, JSON.stringify(request.by));
    command.push(systemClock.id());
    return places((await this.#scripts.run("revoke", command)) as readonly unknown[]);
  }

  async inspect(resources: readonly string[]): Promise<readonly Inspection[]> {
    if (resources.length === 0) return [];
    const command = this.#command(resources.map((resource) => ({ resource })));
    const reply = (await this.#scripts.run("inspect", command)) as [number, ...State[]];
    const [clock, ...states] = reply;
    const now = millis(Number(clock));
    return states.map(([capacity, found, revocations], index) => ({
      resource: resources[index]!,
      now,
      capacity: Number(capacity) === 0 ? null : Number(capacity),
      places: places(found),
      revocations: revocations.map(revocation),
    }));
  }

  /** What every script is given first; its name is filled in later. */
  #command(requests: readonly { readonly resource: string }[]): string[] {
    const command = ["", "", String(requests.length)];
    for (const { resource } of requests) command.push(this.#keys.lock(resource));
    command.push(this.#now());
    return command;
  }
}

type State = readonly [
  capacity: number,
  places: readonly unknown[],
  revocations: readonly KeptRevocation[],
];

type KeptRevocation = readonly [
  at: number,
  reason: string,
  by: string,
  tokens: readonly number[],
];

/** The server's microseconds in the contract's milliseconds. */
export const millis = (micros: number): number => Math.floor(micros / 1000);

/** Like IDLE_MEMORY_MS, from when the place has run out. */
const keepMs = (ttlMs: number): string => String(Math.ceil(ttlMs) + IDLE_MEMORY_MS);

interface Answers {
  readonly micros: number;
  readonly exceptions: readonly unknown[];
}

/** The clock alone where nothing is out of the ordinary, else before the exceptions. */
function answers(reply: unknown): Answers {
  return Array.isArray(reply)
    ? { micros: Number(reply[0]), exceptions: reply }
    : { micros: Number(reply), exceptions: NONE };
}

const NONE: readonly unknown[] = [];

function haveSameTerms(requests: readonly AdmitRequest[]): boolean {
  const first = requests[0];
  for (const each of requests) {
    if (
      each.ttlMs !== first?.ttlMs ||
      each.permits !== first.permits ||
      each.capacity !== first.capacity ||
      each.wait !== first.wait ||
      each.steal !== first.steal
    ) {
      return false;
    }
  }
  return true;
}

/** By the number that the script answers with. */
const ADMISSIONS = ["granted", "waiting", "busy", "mismatch", "gone"] as const;

function admission([code = 0, a = 0, b = 0, c = 0]: readonly number[]): Admission {
  const kind = ADMISSIONS[code]!;
  switch (kind) {
    case "granted":
      return { kind, token: a, expiresAt: b, waiting: c };
    case "waiting":
    case "busy":
      return { kind, ahead: a, lookAt: b < 0 ? Infinity : b };
    case "mismatch":
      return { kind, capacity: a };
    default:
      return GONE;
  }
}

function places(parts: readonly unknown[]): Place[] {
  const found: Place[] = [];
  for (let at = 0; at < parts.length; at += 6) {
    const [leaseId, owner, permits, token, since, expiresAt] = parts.slice(at, at + 6);
    found.push({
      leaseId: String(leaseId),
      owner: JSON.parse(String(owner)) as Owner,
      permits: Number(permits),
      token: Number(token) === 0 ? null : Number(token),
      since: Number(since),
      expiresAt: Number(expiresAt),
    });
  }
  return found;
}

function revocation([at, reason, by, tokens]: KeptRevocation): Revocation {
  return { at: Number(at), reason, by: JSON.parse(by) as Owner, tokens: tokens.map(Number) };
}
