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
import type { MysqlValue } from "./client.ts";
import { Crowded } from "./crowded.ts";
import type { Names } from "./names.ts";
import { inOrder, packed, wholeMs, type Part } from "./pack.ts";
import { range } from "./page.ts";
import { inspectionOf, placesOf } from "./place.ts";
import { Plain } from "./plain.ts";

/** Where one process's state is. */
export interface Room {
  readonly names: Names;
  /** The namespace's number. */
  readonly space: number;
  readonly session: Session;
  /** The simulator's clock in microseconds, or null for the server's. */
  readonly given: () => number | null;
}

export const CLOCK_MS =
  "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6)) DIV 1000";

const RELEASED: Release = { kind: "released" };
const GONE = { kind: "gone" } as const;

/** The verbs on locks: one statement each, or one call of a procedure. */
export class Locks {
  readonly #owner: Buffer;
  readonly #plain: Plain;
  readonly crowded = new Crowded();

  constructor(
    readonly calls: Calls,
    readonly room: Room,
  ) {
    this.#plain = new Plain(calls, room);
    this.#owner = Buffer.from(JSON.stringify(room.session.owner));
  }

  async admit(requests: readonly AdmitRequest[]): Promise<Reply<Admission>> {
    const plain = await this.#tryPlain(requests, (request) => this.#plain.admit(request));
    if (plain !== undefined) return plain;
    const { patienceMs, claimMs } = this.room.session;
    const own = [this.#owner, wholeMs(patienceMs), wholeMs(claimMs)];
    const reply = await this.#step("admit", own, requests, admission, (request) => [
      [request.permits, 10],
      [request.capacity, 10],
      [wholeMs(request.ttlMs), 16],
      [Number(request.wait), 1],
      [Number(request.steal === true), 1],
    ]);
    for (const [at, result] of reply.results.entries()) {
      const isAlone = result.kind === "granted" && result.waiting === 0;
      this.crowded.saw(requests[at]!.resource, !isAlone);
    }
    return reply;
  }

  async renew(requests: readonly RenewRequest[]): Promise<Reply<Renewal>> {
    const plain = await this.#tryPlain(requests, (request) => this.#plain.renew(request));
    return plain ?? this.#step("renew", [], requests, renewal, ({ ttlMs }) => [[wholeMs(ttlMs), 16]]);
  }

  async release(requests: readonly ReleaseRequest[]): Promise<Reply<Release>> {
    const plain = await this.#tryPlain(requests, (request) => this.#plain.release(request));
    const released = (kind: number): Release => (kind === 0 ? RELEASED : GONE);
    return plain ?? this.#step("release", [], requests, released, () => []);
  }

  async #tryPlain<Request extends ReleaseRequest, Result>(
    requests: readonly Request[],
    step: (request: Request) => Promise<Reply<Result> | undefined>,
  ): Promise<Reply<Result> | undefined> {
    const [request] = requests;
    if (request === undefined || requests.length > 1) return undefined;
    if (this.crowded.has(request.resource)) return undefined;
    const reply = await step(request);
    if (reply === undefined) this.crowded.saw(request.resource, true);
    return reply;
  }

  async revoke({ resource, leaseId, reason, by }: RevokeRequest): Promise<readonly Place[]> {
    const [row] = await this.#call("revoke", [
      Buffer.from(resource),
      leaseId === undefined ? null : Buffer.from(leaseId),
      Buffer.from(JSON.stringify([reason, by])),
    ]);
    return placesOf(row?.["revoked"] as Buffer);
  }

  async inspect(resource: string): Promise<Inspection> {
    const name = Buffer.from(resource);
    const [row] = await this.#look("inspect", "l.name = ?", [name], 1);
    return inspectionOf(resource, row === undefined ? await this.time() : this.#nowOf(row), row);
  }

  async list(page: Page): Promise<readonly Inspection[]> {
    const found: Inspection[] = [];
    const { lowest, highest, limit } = range(page);
    for (let from = lowest; ; ) {
      const where =
        "l.name >= ? AND l.name <= ? AND (LENGTH(l.held) > 0 OR LENGTH(l.queue) > 0) ORDER BY l.name";
      const rows = await this.#look("list", where, [from, highest], limit);
      for (const row of rows) {
        const inspection = inspectionOf(String(row["name"]), this.#nowOf(row), row);
        // What has run out is there until somebody takes a step on it.
        if (inspection.places.length > 0 && found.length < page.limit) found.push(inspection);
      }
      if (found.length >= page.limit || rows.length < limit) return found;
      from = Buffer.concat([rows.at(-1)!["name"] as Buffer, Buffer.alloc(1)]);
    }
  }

  async time(): Promise<number> {
    const given = this.room.given();
    if (given !== null) return Math.floor(given / 1000);
    const [row] = await this.calls.run("time", `SELECT ${CLOCK_MS} AS now`);
    return Number(row?.["now"]);
  }

  #look(
    operation: string,
    where: string,
    values: readonly Buffer[],
    limit: number,
  ): ReturnType<Calls["run"]> {
    const { names, space } = this.room;
    const text =
      `SELECT ${CLOCK_MS} AS now, l.name, l.capacity, l.held, l.queue, l.revocations ` +
      `FROM ${names.table("lock")} AS l WHERE l.space = ? AND ${where} LIMIT ${limit}`;
    return this.calls.run(operation, text, [space, ...values]);
  }

  #nowOf(row: Readonly<Record<string, unknown>>): number {
    const given = this.room.given();
    return given === null ? Number(row["now"]) : Math.floor(given / 1000);
  }

  #call(operation: string, values: readonly MysqlValue[]): ReturnType<Calls["run"]> {
    const { names, space, given } = this.room;
    const all = [space, given(), ...values];
    const text = `CALL ${names.procedure(operation)}(${all.map(() => "?").join(", ")})`;
    return this.calls.run(operation, text, all);
  }

  /** The procedures lock rows in the order of the requests; so this order is the same for all. */
  async #step<Request extends ReleaseRequest, Result>(
    operation: string,
    own: readonly MysqlValue[],
    requests: readonly Request[],
    result: (kind: number, a: number, b: number, c: number) => Result,
    numbersOf: (request: Request) => readonly Part[],
  ): Promise<Reply<Result>> {
    if (requests.length === 0) return { now: await this.time(), results: [] };
    const order = inOrder(requests, ({ resource }) => resource);
    const parts = order.map((index): readonly Part[] => {
      const request = requests[index]!;
      const resource = Buffer.from(request.resource);
      const id = Buffer.from(request.leaseId);
      return [[resource.length, 5], [id.length, 5], ...numbersOf(request), resource, id];
    });
    const [row] = await this.#call(operation, [...own, packed(parts)]);
    const numbers = String(row?.["answer"]).split(" ").map(Number);
    const results: Result[] = [];
    for (const [at, index] of order.entries()) {
      const [kind = 0, a = 0, b = 0, c = 0] = numbers.slice(1 + at * 4, 5 + at * 4);
      results[index] = result(kind, a, b, c);
    }
    return { now: Math.floor(numbers[0]! / 1000), results };
  }
}

function admission(kind: number, a: number, b: number, c: number): Admission {
  if (kind === 0) return { kind: "granted", token: a, expiresAt: b, waiting: c };
  if (kind === 3) return { kind: "mismatch", capacity: a };
  if (kind === 4) return GONE;
  return { kind: kind === 1 ? "waiting" : "busy", ahead: a, lookAt: b < 0 ? Infinity : b };
}

function renewal(kind: number, _: number, expiresAt: number, waiting: number): Renewal {
  return kind === 0 ? { kind: "renewed", expiresAt, waiting } : GONE;
}
