import type { Cancel, Clock } from "../../../clock.ts";
import { Connection } from "./connection.ts";
import { Ensemble } from "./ensemble.ts";
import { CODE, ConnectionLost, ZooKeeperError } from "./errors.ts";
import { InFlight, type Pending } from "./in-flight.ts";
import { JuteReader, type JuteWriter } from "./jute.ts";
import { Liveness } from "./liveness.ts";
import {
  authRequest,
  NO_PASSWORD,
  NO_SESSION,
  OP,
  OPEN_ACL,
  XID,
  readEvent,
  request,
  writeSteps,
  type ConnectReply,
} from "./protocol.ts";
import type { SessionOptions, SessionState } from "./session-options.ts";
import { Watches, watchRequest } from "./watches.ts";

/** What is asked for without a connection waits this long for one. */
const PARKED_MS = 2_000;
/**
 * Parts of the session's timeout: without a write of ours, after which one is made where proof is needed;
 * silence, after which to ping; and after which to give a connection up.
 */
const PROVE_AFTER = 1 / 6;
const PING_AFTER = 1 / 4;
const DEAD_AFTER = 2 / 3;
const CONNECT_MIN_MS = 200;

/**
 * A session with an ensemble: one connection at a time, taken up again elsewhere when it breaks. Requests are
 * pipelined and answered in order. Keeps no process alive.
 */
export class Session {
  readonly watches = new Watches();
  state: SessionState = "connecting";
  /** True: heartbeats are writes that a quorum agrees to, so that `provenUntil` stays ahead. */
  proves = false;
  /** The last transaction that an answer told of, and how many writes of ours have succeeded. */
  lastZxid = 0;
  writes = 0;
  readonly #options: SessionOptions;
  readonly #clock: Clock;
  readonly #ensemble: Ensemble;
  #liveness: Liveness;
  #id = NO_SESSION;
  #password = NO_PASSWORD;
  #xid = 0;
  #connection: Connection | undefined;
  /** Not welcomed yet. */
  #attempt: Connection | undefined;
  readonly #inFlight = new InFlight();
  #parked: Pending[] = [];
  #heardAt = 0;
  #pingSentAt = -Infinity;
  #spokeAt = 0;
  #wroteAt = 0;
  #cancelTick: Cancel | undefined;
  #lastFailure: Error | undefined;
  readonly #opened: ((error?: Error) => void)[] = [];

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#ensemble = new Ensemble(options.servers, options.clock);
    this.#liveness = new Liveness(options.timeoutMs);
  }

  /** As negotiated; before that, as asked for. */
  get timeoutMs(): number {
    return this.#liveness.timeoutMs;
  }

  /** Local time until when the session certainly lives: see {@link Liveness}. */
  get provenUntil(): number {
    return this.#liveness.until;
  }

  get id(): string {
    return `0x${this.#id.toString("hex")}`;
  }

  /** Resolves when first connected. Rejects after `withinMs`, or when the credentials are refused. */
  open(withinMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.timer(
        withinMs,
        () => settle(this.#lastFailure ?? new Error(`no server answered within ${withinMs} ms`)),
        { keepAlive: true },
      );
      const settle = (error?: Error): void => {
        cancel();
        if (error === undefined) resolve();
        else reject(new ConnectionLost(false, { cause: error }));
      };
      this.#opened.push(settle);
      this.#tick();
      this.#connectNext();
    });
  }

  request<T>(
    op: number,
    what: string,
    isWrite: boolean,
    body: ((writer: JuteWriter) => void) | undefined,
    read: (reader: JuteReader, zxid: number) => T,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.state === "closed") return reject(new ConnectionLost(false, { cause: new Error("closed") }));
      // Ids stay positive; replies come in order, so that they may be used again.
      this.#xid = (this.#xid % 0x7fff_ffff) + 1;
      const now = this.#clock.now();
      const pending: Pending = {
        xid: this.#xid,
        frame: request(this.#xid, op, body),
        what,
        isWrite,
        read,
        resolve: resolve as (value: unknown) => void,
        reject,
        askedAt: now,
        sentAt: now,
      };
      if (this.#connection === undefined) this.#parked.push(pending);
      else this.#send(this.#connection, pending, now);
    });
  }

  /** Ends the connection; with `endSession` the session too, and with it all its ephemeral nodes. */
  close(endSession: boolean): void {
    if (this.state === "closed") return;
    const connection = this.#connection;
    this.#connection = undefined;
    this.#setState("closed");
    this.#cancelTick?.();
    this.#attempt?.destroy(new Error("closed"));
    if (endSession) connection?.write(request(this.#xid + 1, OP.closeSession));
    connection?.end();
    this.#fail(new Error("closed"));
    for (const { reject } of this.#parked.splice(0)) reject(new ConnectionLost(false));
    for (const settle of this.#opened.splice(0)) settle(new Error("closed"));
    this.watches.clear();
  }

  /** As if the network had failed: for faults that the user's own checks have found. */
  drop(cause: Error): void {
    this.#connection?.destroy(cause);
  }

  #send(connection: Connection, pending: Pending, now: number): void {
    pending.sentAt = this.#spokeAt = now;
    if (pending.isWrite) this.#wroteAt = now;
    this.#inFlight.add(pending);
    connection.write(pending.frame);
  }

  // ------------------------------------------------------------------------------------- connecting

  #connectNext(): void {
    if (this.state === "closed") return;
    const sentAt = this.#clock.now();
    const wanted = this.#id === NO_SESSION ? this.#options.timeoutMs : this.timeoutMs;
    const hello = {
      lastZxid: this.lastZxid,
      timeoutMs: wanted,
      sessionId: this.#id,
      password: this.#password,
    };
    // So that each server can be tried before the session's time is over.
    const withinMs = Math.max(CONNECT_MIN_MS, wanted / (2 * Math.max(this.#ensemble.size, 2)));
    const server = this.#ensemble.next();
    const { tls = false } = this.#options;
    const attempt: Connection = new Connection(server, hello, withinMs, this.#clock, tls, {
      welcomed: (reply) => this.#welcomed(attempt, reply, sentAt),
      frame: (frame) => this.#received(frame),
      ended: (cause) => this.#ended(attempt, cause),
    });
    this.#attempt = attempt;
  }

  #ended(connection: Connection, cause: Error): void {
    if (this.state === "closed") return;
    if (connection !== this.#connection && connection !== this.#attempt) return;
    this.#lastFailure = cause;
    if (connection === this.#connection) {
      this.#connection = undefined;
      this.#setState("uncertain");
      this.#fail(cause);
    }
    const pause = this.#ensemble.pauseMs();
    if (pause === 0) return this.#connectNext();
    this.#clock.timer(pause, () => this.#connectNext(), { keepAlive: false });
  }

  #welcomed(connection: Connection, reply: ConnectReply, sentAt: number): void {
    if (this.state === "closed") return connection.destroy(new Error("closed"));
    this.#attempt = undefined;
    const { timeoutMs, sessionId, password } = reply;
    const isNew = this.#id === NO_SESSION;
    // A server that gives another session than the one asked for has lost it: ClickHouse Keeper does.
    if (timeoutMs <= 0 || (!isNew && !sessionId.equals(this.#id))) {
      connection.destroy(new Error("the session has expired"));
      this.#expired();
      return this.#connectNext();
    }
    if (isNew) {
      this.#id = sessionId;
      this.#password = password;
      this.#liveness = new Liveness(timeoutMs);
    }
    this.#liveness.began(sentAt);
    this.#ensemble.succeeded();
    this.#connection = connection;
    this.#heardAt = this.#spokeAt = this.#clock.now();
    const { digest } = this.#options;
    if (digest !== undefined) connection.write(authRequest(digest));
    if (this.watches.size > 0) connection.write(watchRequest(this.watches, this.lastZxid));
    const parked = this.#parked;
    this.#parked = [];
    for (const pending of parked) this.#send(connection, pending, this.#spokeAt);
    this.#setState("connected");
    for (const settle of this.#opened.splice(0)) settle();
  }

  #expired(): void {
    this.#id = NO_SESSION;
    this.#password = NO_PASSWORD;
    this.watches.clear();
    for (const { reject, what } of this.#parked.splice(0)) {
      reject(new ZooKeeperError(CODE.sessionExpired, what));
    }
    this.#setState("expired");
  }

  #fail(cause: Error): void {
    for (const { reject } of this.#inFlight.drain()) reject(new ConnectionLost(true, { cause }));
  }

  #setState(state: SessionState): void {
    if (this.state === state) return;
    this.state = state;
    this.#options.onState?.(state);
  }

  // -------------------------------------------------------------------------------------- listening

  #received(frame: Buffer): void {
    this.#heardAt = this.#clock.now();
    const reader = new JuteReader(frame);
    const xid = reader.int();
    const zxid = reader.long();
    const error = reader.int();
    if (xid === XID.notification) {
      const event = readEvent(reader);
      if (event !== null) this.watches.fire(event);
      return;
    }
    if (zxid > this.lastZxid) this.lastZxid = zxid;
    if (xid === XID.ping) return this.#liveness.heard(this.#pingSentAt);
    if (xid === XID.auth) return this.#authenticated(error);
    if (xid !== XID.setWatches) this.#answered(xid, zxid, error, reader);
  }

  #answered(xid: number, zxid: number, error: number, reader: JuteReader): void {
    const pending = this.#inFlight.answered(xid);
    if (error === CODE.sessionExpired || error === CODE.sessionMoved) {
      // The server closes the connection next; the one after tells how the session is.
      return pending.reject(new ZooKeeperError(error, pending.what));
    }
    if (pending.isWrite) this.#liveness.proven(pending.sentAt);
    else this.#liveness.heard(pending.sentAt);
    if (error !== 0) return pending.reject(new ZooKeeperError(error, pending.what));
    if (pending.isWrite) this.writes += 1;
    let value: unknown;
    try {
      value = pending.read(reader, zxid);
    } catch (malformed) {
      pending.reject(new ConnectionLost(true, { cause: malformed }));
      throw malformed;
    }
    pending.resolve(value);
  }

  #authenticated(error: number): void {
    if (error === 0) return;
    const refused = new ZooKeeperError(error, "the credentials");
    for (const settle of this.#opened.splice(0)) settle(refused);
    throw refused;
  }

  // ------------------------------------------------------------------------------------ heartbeats

  #tick(): void {
    const every = Math.max(10, this.timeoutMs / 24);
    this.#cancelTick = this.#clock.timer(every, () => this.#beat(), { keepAlive: false });
  }

  #beat(): void {
    if (this.state === "closed") return;
    const now = this.#clock.now();
    const connection = this.#connection;
    if (connection === undefined) {
      this.#dropParked(now);
    } else if (now - this.#heardAt > this.timeoutMs * DEAD_AFTER) {
      // After a pause of this process an answer may be waiting to be read: listen before judging.
      this.#clock.yield(() => {
        if (this.#connection !== connection) return;
        const silentMs = this.#clock.now() - this.#heardAt;
        if (silentMs <= this.timeoutMs * DEAD_AFTER) return;
        connection.destroy(new Error(`the server was silent for ${Math.round(silentMs)} ms`));
      });
    } else if (this.proves && now - this.#wroteAt >= this.timeoutMs * PROVE_AFTER) {
      this.#prove();
    } else if (Math.max(now - this.#spokeAt, now - this.#heardAt) >= this.timeoutMs * PING_AFTER) {
      this.#ping(connection, now);
    }
    this.#tick();
  }

  #ping(connection: Connection, now: number): void {
    // One at a time: its answer carries no number.
    if (this.#pingSentAt > this.#heardAt) return;
    this.#pingSentAt = this.#spokeAt = now;
    connection.write(request(XID.ping, OP.ping));
  }

  /** A transaction that changes nothing. */
  #prove(): void {
    const check = (writer: JuteWriter): void => writeSteps(writer, [{ op: "check", path: "/" }], OPEN_ACL);
    this.request(OP.multi, "heartbeat", true, check, () => undefined).catch(() => undefined);
  }

  #dropParked(now: number): void {
    const late = this.#parked.filter(({ askedAt }) => now - askedAt >= PARKED_MS);
    if (late.length === 0) return;
    this.#parked = this.#parked.filter((pending) => !late.includes(pending));
    for (const { reject } of late) reject(new ConnectionLost(false, { cause: this.#lastFailure }));
  }
}
