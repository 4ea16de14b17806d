import assert from "node:assert/strict";
import type {
  Admission,
  AdmitRequest,
  Backend,
  Grant,
  Place,
  Release,
  Renewal,
  RevokeReason,
  RevokeRequest,
  Session,
  Step,
  Write,
  WriteOutcome,
} from "../backend.ts";
import { systemClock } from "../clock.ts";
import { LONG_MS } from "./durations.ts";
import { settle } from "./settle.ts";

/** What a process was told over the push channel. */
export type Message =
  | { readonly kind: "granted"; readonly resource: string; readonly leaseId: string; readonly grant: Grant }
  | {
      readonly kind: "revoked";
      readonly resource: string;
      readonly leaseId: string;
      readonly reason: RevokeReason;
    }
  | { readonly kind: "contended"; readonly resource: string }
  | { readonly kind: "look"; readonly resource: string | undefined; readonly at: number | undefined };

type Heard<Kind> = Extract<Message, { readonly kind: Kind }>;

/** An answer, with the id that was asked for and the store's time at the step. */
export type Answer<T = Admission> = T & { readonly leaseId: string; readonly now: number };
export type Granted = Answer<Extract<Admission, { readonly kind: "granted" }>>;
export type Waiting = Answer<Extract<Admission, { readonly kind: "waiting" }>>;

export type Ask = Partial<Omit<AdmitRequest, "resource">>;

/** A write, or a step of one, that need not be named. */
export type Draft<Made extends Step = Write> = Omit<Made, "opId" | "revision"> & Partial<Step>;

export function drafted<Made extends Step = Write>(draft: Draft<Made>): Made {
  return { opId: systemClock.id(), revision: systemClock.id(), ...draft } as unknown as Made;
}

/** One process on the store: a backend, and all that it was told. */
export class Participant {
  readonly heard: Message[] = [];
  #leases = 0;

  constructor(
    readonly backend: Backend,
    readonly session: Omit<Session, "listener">,
  ) {}

  open(): Promise<void> {
    return this.backend.open({
      ...this.session,
      listener: {
        granted: (resource, leaseId, grant) =>
          this.heard.push({ kind: "granted", resource, leaseId, grant }),
        revoked: (resource, leaseId, reason) =>
          this.heard.push({ kind: "revoked", resource, leaseId, reason }),
        contended: (resource) => this.heard.push({ kind: "contended", resource }),
        look: (resource, at) => this.heard.push({ kind: "look", resource, at }),
      },
    });
  }

  leaseId(): string {
    return `${this.session.processId}:${(this.#leases += 1)}`;
  }

  /** A request for a mutex, unless said otherwise, with a new lease id. */
  request(resource: string, ask: Ask = {}): AdmitRequest {
    return {
      resource,
      leaseId: this.leaseId(),
      permits: 1,
      capacity: 1,
      ttlMs: LONG_MS,
      wait: true,
      ...ask,
    };
  }

  async ask(resource: string, ask: Ask = {}): Promise<Answer> {
    const request = this.request(resource, ask);
    const { now, results } = await this.backend.admit([request]);
    return { leaseId: request.leaseId, now, ...only(results) };
  }

  /** Asks, and must be granted at once. */
  async take(resource: string, ask: Ask = {}): Promise<Granted> {
    const answer = await this.ask(resource, ask);
    assert.equal(answer.kind, "granted", `"${resource}" is to be granted: ${JSON.stringify(answer)}`);
    return answer as Granted;
  }

  /** Asks, and must be made to wait. */
  async queue(resource: string, ask: Ask = {}): Promise<Waiting> {
    const answer = await this.ask(resource, ask);
    assert.equal(answer.kind, "waiting", `"${resource}" is to be waited for: ${JSON.stringify(answer)}`);
    return answer as Waiting;
  }

  async renew(resource: string, leaseId: string, ttlMs = LONG_MS): Promise<Answer<Renewal>> {
    const { now, results } = await this.backend.renew([{ resource, leaseId, ttlMs }]);
    return { leaseId, now, ...only(results) };
  }

  async release(resource: string, leaseId: string): Promise<Release["kind"]> {
    const { results } = await this.backend.release([{ resource, leaseId }]);
    return only(results).kind;
  }

  revoke(resource: string, rest: Partial<RevokeRequest> = {}): Promise<readonly Place[]> {
    return this.backend.revoke({ resource, reason: "the kit says so", by: this.session.owner, ...rest });
  }

  /** One write. Its revision and its `opId` are new unless given. */
  write(write: Draft): Promise<WriteOutcome> {
    return this.backend.write([drafted(write)]);
  }

  /** Waits for a message of this kind, about this lease or resource, and returns the latest. */
  hears<Kind extends Message["kind"]>(kind: Kind, about: string): Promise<Heard<Kind>> {
    return settle(`to hear "${kind}" about "${about}"`, () =>
      this.heard.findLast(
        (message): message is Heard<Kind> =>
          message.kind === kind &&
          ("leaseId" in message ? message.leaseId === about : message.resource === about),
      ),
    );
  }
}

/** The single result of a single request. */
export function only<T>(results: readonly T[]): T {
  assert.equal(results.length, 1, "one request, one result");
  return results[0] as T;
}
