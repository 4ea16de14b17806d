import {
  FORGOTTEN_MAX,
  IDLE_MEMORY_MS,
  type Admission,
  type AdmitRequest,
  type Release,
  type ReleaseRequest,
  type Renewal,
  type RenewRequest,
  type Reply,
} from "../../backend.ts";
import type { Calls } from "./calls.ts";
import type { MysqlValue } from "./client.ts";
import type { Room } from "./locks.ts";
import { packed, wholeMs } from "./pack.ts";
import { digits, expiresAt, isEnded, NEVER, remembering } from "./rule.ts";

/** How many idle locks are looked at for each one that is made, and how many are made meanwhile. */
const SWEPT_PER_NEW = 4;
const NEW_PER_SWEEP = 25;

const CLOCK = "COALESCE(?, TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6)))";
const ID = "CAST(? AS BINARY)";

/** The one place there is, and it lives. */
const IS_ONLY =
  "l.space = ? AND l.name = ? AND LENGTH(l.queue) = 0 " +
  `AND LOCATE(CONCAT(X'FF', ${ID}, X'FD'), l.held) = 71 AND LOCATE(X'FE', l.held) = LENGTH(l.held) ` +
  `AND SUBSTRING(l.held, 55, 16) > ${digits(`${CLOCK} DIV 1000`)}`;

/**
 * The plain case of a step: one request, for a lock that nobody else has or wants. It is one
 * statement, without a procedure, which half again as much time would go to. It changes something
 * only if nothing is out of the ordinary; then it answers the clock at the step, by the way in which
 * the id of a new row is answered: `LAST_INSERT_ID(value)`. For an admission the clock is its token.
 * Undefined: nothing was done, and the procedure has to see.
 */
export class Plain {
  readonly #admit: string;
  readonly #renew: string;
  readonly #release: string;
  readonly #owner: Buffer;
  #made = 0;

  constructor(
    readonly calls: Calls,
    readonly room: Room,
  ) {
    const table = room.names.table("lock");
    // What the new row would have is computed first, in this order, and used for the old one too.
    const keep = (column: string, value = `VALUES(${column})`): string =>
      `${column} = IF(LAST_INSERT_ID() > 0, ${value}, ${column})`;
    this.#admit =
      `INSERT INTO ${table} ` +
      "(space, name, last, capacity, used, due, held, queue, ended, revocations, forget_at, look_at) " +
      `VALUES (?, ?, LAST_INSERT_ID(${CLOCK}), ?, ?, last DIV 1000 + ?, ` +
      `CONCAT(?, ${digits("last")}, ${digits("last DIV 1000")}, ${digits("due")}, ` +
      `X'FF', ${ID}, X'FD', ${ID}, X'FE'), ` +
      `'', '', '', due + ${IDLE_MEMORY_MS}, last DIV 1000 + ${IDLE_MEMORY_MS}) ` +
      "ON DUPLICATE KEY UPDATE last = IF(LENGTH(held) = 0 AND LENGTH(queue) = 0 AND last < VALUES(last) " +
      `AND NOT ${isEnded("+", ID)} AND NOT ${isEnded("-", ID)}, ` +
      "LAST_INSERT_ID(VALUES(last)), last + LAST_INSERT_ID(0)), " +
      `${["capacity", "used", "due", "held"].map((column) => keep(column)).join(", ")}, ` +
      keep("forget_at", "GREATEST(forget_at, VALUES(forget_at))");
    this.#renew =
      `UPDATE ${table} AS l SET ` +
      `l.held = INSERT(l.held, 55, 16, ${digits(`LAST_INSERT_ID(${CLOCK}) DIV 1000 + ?`)}), ` +
      `l.due = ${expiresAt("l.held", "1")}, l.forget_at = GREATEST(l.forget_at, l.due + ${IDLE_MEMORY_MS}) ` +
      `WHERE ${IS_ONLY}`;
    this.#release =
      `UPDATE ${table} AS l SET l.held = '', l.used = 0, l.due = ${NEVER}, ` +
      `l.forget_at = LAST_INSERT_ID(${CLOCK}) DIV 1000 + ${IDLE_MEMORY_MS}, ` +
      `l.ended = ${remembering("+", ID, "l.ended", FORGOTTEN_MAX)} WHERE ${IS_ONLY}`;
    this.#owner = Buffer.from(JSON.stringify(room.session.owner));
  }

  async admit(request: AdmitRequest): Promise<Reply<Admission> | undefined> {
    if (request.steal === true) return undefined;
    const { permits, capacity } = request;
    const ttlMs = wholeMs(request.ttlMs);
    const id = Buffer.from(request.leaseId);
    const head = packed([
      [
        [permits, 10],
        [wholeMs(this.room.session.claimMs), 12],
      ],
    ]);
    const { space, given } = this.room;
    const result = await this.calls.change("admit", this.#admit, [
      ...[space, Buffer.from(request.resource), given(), capacity, permits, ttlMs],
      ...[head, id, this.#owner, id, id],
    ]);
    const token = Number(result.insertId);
    if (token === 0) return undefined;
    // 2 would be a row that was there before.
    if (result.affectedRows === 1) this.#sweepLater(token);
    const now = Math.floor(token / 1000);
    return { now, results: [{ kind: "granted", token, expiresAt: now + ttlMs, waiting: 0 }] };
  }

  async renew(request: RenewRequest): Promise<Reply<Renewal> | undefined> {
    const ttlMs = wholeMs(request.ttlMs);
    const now = await this.#step("renew", this.#renew, request, [ttlMs]);
    if (now === undefined) return undefined;
    return { now, results: [{ kind: "renewed", expiresAt: now + ttlMs, waiting: 0 }] };
  }

  async release(request: ReleaseRequest): Promise<Reply<Release> | undefined> {
    const now = await this.#step("release", this.#release, request, [Buffer.from(request.leaseId)]);
    return now === undefined ? undefined : { now, results: [{ kind: "released" }] };
  }

  async #step(
    operation: string,
    text: string,
    { resource, leaseId }: ReleaseRequest,
    own: readonly MysqlValue[],
  ): Promise<number | undefined> {
    const given = this.room.given();
    const result = await this.calls.change(operation, text, [
      ...[given, ...own, this.room.space, Buffer.from(resource)],
      ...[Buffer.from(leaseId), given],
    ]);
    return Number(result.insertId) === 0 ? undefined : Math.floor(Number(result.insertId) / 1000);
  }

  /** Beside the steps: nobody waits for it, and if it fails, the next one does the work. */
  #sweepLater(us: number): void {
    this.#made += 1;
    if (this.#made < NEW_PER_SWEEP) return;
    const most = this.#made * SWEPT_PER_NEW;
    this.#made = 0;
    const text = `CALL ${this.room.names.procedure("sweep")}(?, ?)`;
    this.calls.run("sweep", text, [Math.floor(us / 1000), most]).catch(() => undefined);
  }
}
