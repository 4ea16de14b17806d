import type {
  Admission,
  AdmitRequest,
  Inspection,
  Page,
  Place,
  Release,
  ReleaseRequest,
  Renewal,
  RenewRequest,
  Reply,
  RevokeRequest,
  Session,
} from "../../backend.ts";
import type { Calls } from "./calls.ts";
import type { Durability } from "./durability.ts";
import { stored } from "./names.ts";
import { range } from "./page.ts";
import { inspectionOf, placeOf } from "./place.ts";
import { singleStatements, type SingleStatements } from "./single.ts";
import { parameters, statement, type Statement } from "./statement.ts";

/** Where one process's state and channels are. */
export interface Room {
  /** As SQL has it. */
  readonly schema: string;
  readonly durability: Durability;
  /** The namespace's number. */
  readonly space: number;
  /** What channels' names start with. */
  readonly channels: string;
  readonly session: Session;
  /** The simulator's clock in microseconds, or null for the server's. */
  readonly given: () => number | null;
}

const RELEASED: Release = { kind: "released" };
const GONE = { kind: "gone" } as const;

/** The verbs on locks: one statement each. */
export class Locks {
  readonly #admit: Statement;
  readonly #renew: Statement;
  readonly #release: Statement;
  readonly #single: SingleStatements;
  readonly #owner: string;

  constructor(
    readonly calls: Calls,
    readonly room: Room,
  ) {
    const { schema, session } = room;
    this.#admit = statement(`SELECT ${schema}.admit(${parameters(13)}) AS answer`);
    this.#renew = statement(`SELECT ${schema}.renew(${parameters(6)}) AS answer`);
    this.#release = statement(`SELECT ${schema}.release(${parameters(5)}) AS answer`);
    this.#single = singleStatements(room, room.given() !== null);
    this.#owner = JSON.stringify(session.owner);
  }

  admit(requests: readonly AdmitRequest[]): Promise<Reply<Admission>> {
    const { patienceMs, claimMs } = this.room.session;
    const [only] = requests;
    if (this.#isSingle(requests)) {
      const { resource, leaseId, permits, capacity, ttlMs, wait, steal = false } = only!;
      const names = [this.#owner, stored(resource), stored(leaseId)];
      const values = [...names, ...[permits, capacity, whole(ttlMs), wait, steal].map(String)];
      return this.#one("admit", this.#single.admit, values, admission);
    }
    return this.#step("admit", this.#admit, requests, admission, (ordered) => [
      this.#owner,
      whole(patienceMs),
      whole(claimMs),
      ordered.map(({ resource }) => stored(resource)),
      ordered.map(({ leaseId }) => stored(leaseId)),
      ordered.map(({ permits }) => permits),
      ordered.map(({ capacity }) => capacity),
      ordered.map(({ ttlMs }) => whole(ttlMs)),
      ordered.map(({ wait }) => wait),
      ordered.map(({ steal }) => steal === true),
    ]);
  }

  renew(requests: readonly RenewRequest[]): Promise<Reply<Renewal>> {
    const [only] = requests;
    if (this.#isSingle(requests)) {
      const values = [stored(only!.resource), stored(only!.leaseId), String(whole(only!.ttlMs))];
      return this.#one("renew", this.#single.renew, values, renewal);
    }
    return this.#step("renew", this.#renew, requests, renewal, (ordered) => [
      ordered.map(({ resource }) => stored(resource)),
      ordered.map(({ leaseId }) => stored(leaseId)),
      ordered.map(({ ttlMs }) => whole(ttlMs)),
    ]);
  }

  release(requests: readonly ReleaseRequest[]): Promise<Reply<Release>> {
    const [only] = requests;
    if (this.#isSingle(requests)) {
      const values = [stored(only!.resource), stored(only!.leaseId)];
      return this.#one("release", this.#single.release, values, released);
    }
    return this.#step("release", this.#release, requests, released, (ordered) => [
      ordered.map(({ resource }) => stored(resource)),
      ordered.map(({ leaseId }) => stored(leaseId)),
    ]);
  }

  async revoke({ resource, leaseId, reason, by }: RevokeRequest): Promise<readonly Place[]> {
    const { schema, space, channels, given } = this.room;
    const rows = await this.calls.run("revoke", {
      text: `SELECT * FROM ${schema}.revoke($1, $2, $3, $4, $5, $6, $7) AS place`,
      values: [
        space,
        channels,
        given(),
        stored(resource),
        leaseId === undefined ? null : stored(leaseId),
        stored(reason),
        JSON.stringify(by),
      ],
    });
    return rows.map(({ place }) => placeOf(String(place)));
  }

  async inspect(resource: string): Promise<Inspection> {
    const name = stored(resource);
    const [row] = await this.#inspect("inspect", name, name, null);
    if (row !== undefined) return row;
    return { resource, now: await this.time(), capacity: null, places: [], revocations: [] };
  }

  list(page: Page): Promise<readonly Inspection[]> {
    const { lowest, highest, limit } = range(page);
    return this.#inspect("list", lowest, highest, limit);
  }

  async time(): Promise<number> {
    const given = this.room.given();
    if (given !== null) return Math.floor(given / 1000);
    const text = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint::text AS now";
    const [row] = await this.calls.run("time", { text, values: [] });
    return Number(row?.["now"]);
  }

  async #inspect(
    operation: string,
    lowest: string,
    highest: string,
    limit: number | null,
  ): Promise<readonly Inspection[]> {
    const { schema, space, given } = this.room;
    const rows = await this.calls.run(operation, {
      text: `SELECT * FROM ${schema}.inspect($1, $2, $3, $4, $5)`,
      values: [space, given(), lowest, highest, limit],
    });
    return rows.map(inspectionOf);
  }

  #isSingle(requests: readonly unknown[]): boolean {
    return requests.length === 1 && this.calls.isDirect;
  }

  async #one<Result>(
    operation: string,
    statement: Statement,
    values: string[],
    result: (kind: number, a: number, b: number, c: number) => Result,
  ): Promise<Reply<Result>> {
    const given = this.room.given();
    if (given !== null) values.push(String(given));
    const answer = await this.calls.text(operation, statement, values);
    const [us = 0, kind = 0, a = 0, b = 0, c = 0] = answer.split(" ").map(Number);
    return { now: Math.floor(us / 1000), results: [result(kind, a, b, c)] };
  }

  /** The functions lock rows in the order of the requests; so this order is the same for all. */
  async #step<Request extends { readonly resource: string }, Result>(
    operation: string,
    statement: Statement,
    requests: readonly Request[],
    result: (kind: number, a: number, b: number, c: number) => Result,
    columns: (ordered: readonly Request[]) => readonly unknown[],
  ): Promise<Reply<Result>> {
    const { space, channels, given } = this.room;
    const order = inOrder(requests, ({ resource }) => resource);
    const ordered = order.map((index) => requests[index]!);
    const values = [space, channels, given(), ...columns(ordered)];
    const [row] = await this.calls.run(operation, { ...statement, values });
    const numbers = String(row?.["answer"]).split(" ").map(Number);
    const results: Result[] = [];
    for (const [at, index] of order.entries()) {
      const [kind = 0, a = 0, b = 0, c = 0] = numbers.slice(1 + at * 4, 5 + at * 4);
      results[index] = result(kind, a, b, c);
    }
    return { now: Math.floor(numbers[0]! / 1000), results };
  }
}

/** Indices in an order that only the texts decide on, and for equal texts their place. */
export function inOrder<T>(items: readonly T[], text: (item: T) => string): readonly number[] {
  const indices = items.map((_, index) => index);
  if (items.length === 1) return indices;
  const texts = items.map(text);
  return indices.sort((a, b) => (texts[a]! < texts[b]! ? -1 : texts[a]! > texts[b]! ? 1 : a - b));
}

const whole = Math.ceil;

function admission(kind: number, a: number, b: number, c: number): Admission {
  if (kind === 0) return { kind: "granted", token: a, expiresAt: b, waiting: c };
  if (kind === 3) return { kind: "mismatch", capacity: a };
  if (kind === 4) return GONE;
  return { kind: kind === 1 ? "waiting" : "busy", ahead: a, lookAt: b < 0 ? Infinity : b };
}

function released(kind: number): Release {
  return kind === 0 ? RELEASED : GONE;
}

function renewal(kind: number, _: number, expiresAt: number, waiting: number): Renewal {
  return kind === 0 ? { kind: "renewed", expiresAt, waiting } : GONE;
}
