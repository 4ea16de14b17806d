import type { Listener } from "../../backend.ts";
import { systemClock } from "../../clock.ts";
import { Reopening } from "../../reopening.ts";
import { rowsOf, silence, type Row } from "./calls.ts";
import type { MysqlListenConnection } from "./client.ts";
import { NoAnswer, wasInterrupted } from "./failure.ts";
import type { Room } from "./locks.ts";
import { deliver } from "./message.ts";

/**
 * How long the session waits unless it is interrupted. A connection that died silently looks like
 * one that waits; and where sessions may not be interrupted, mail is found after so long.
 */
const WAIT_S = 10;
const ANSWER_MS = 5_000;

interface Line {
  readonly connection: MysqlListenConnection;
  /** What it waits for in vain is kept by this one. */
  readonly wall: MysqlListenConnection;
  readonly box: string;
}

/**
 * The push channel: a session that waits on the server until somebody has mail for this process,
 * and one that is its wall (see mail-procedures.ts). Both are apart from the
 * pool, since a pool's sessions change hands. Opened again whenever one has ended; what was sent
 * meanwhile is lost, so waiters are then told to look.
 */
export class Push {
  readonly #reopening = new Reopening(async () => {
    await this.open();
    this.listener.look();
  });
  #line: Line | undefined;

  constructor(
    readonly make: () => Promise<MysqlListenConnection>,
    readonly room: Room,
    readonly listener: Listener,
  ) {}

  async open(): Promise<void> {
    const line = await this.#dial();
    if (this.#reopening.isClosed) {
      sayFarewell(line.connection);
      return sayFarewell(line.wall);
    }
    this.#line = line;
    void this.#hear(line);
  }

  close(): void {
    this.#reopening.close();
    // The waiting ends with the wall, whether it has begun or not.
    if (this.#line !== undefined) sayFarewell(this.#line.wall);
  }

  async #dial(): Promise<Line> {
    const connection = await this.#connect();
    try {
      const box = await inTime(this.#takeBell(connection), ANSWER_MS);
      const wall = await this.#connect();
      try {
        const text = `CALL ${this.room.names.procedure("build")}(?)`;
        const [row] = await inTime(rowsOf(wall, text, [box]), ANSWER_MS);
        if (Number(row?.["is_ours"]) !== 1) throw new Error("another session keeps the wall");
        return { connection, wall, box };
      } catch (cause) {
        wall.destroy();
        throw cause;
      }
    } catch (cause) {
      connection.destroy();
      throw cause;
    }
  }

  async #connect(): Promise<MysqlListenConnection> {
    const making = this.make();
    let isLate = false;
    making.then((connection) => isLate && connection.destroy(), () => undefined);
    const connection = await inTime(making, ANSWER_MS, () => {
      isLate = true;
      return new NoAnswer(silence(ANSWER_MS));
    });
    connection.on("error", () => undefined);
    // Whoever waits keeps the process alive, for as long as it waits.
    connection.connection?.stream?.unref?.();
    return connection;
  }

  async #takeBell(connection: MysqlListenConnection): Promise<string> {
    const { names, space, session } = this.room;
    await connection.query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
    await connection.query("SET SESSION autocommit = 1");
    const [row] = await rowsOf(connection, `CALL ${names.procedure("listen")}(?, ?)`, [
      space,
      Buffer.from(session.processId),
    ]);
    if (Number(row?.["is_ours"]) !== 1) throw new Error("another session listens for this process");
    return String(row?.["box"]);
  }

  async #hear(line: Line): Promise<void> {
    const { connection, wall, box } = line;
    const text = `CALL ${this.room.names.procedure("hear")}(?, ?, ${WAIT_S})`;
    const silentMs = WAIT_S * 1_000 + ANSWER_MS;
    let taken = new Set<number>();
    let fail: (error: Error) => void = () => undefined;
    // The server has gone: what ends a connection is not always told to the call that waits on it.
    wall.on("error", (error) => fail(error));
    try {
      while (!this.#reopening.isClosed) {
        const hearing = rowsOf(connection, text, [box, Buffer.from([...taken].join(" "))]);
        const orBroken = new Promise<readonly Row[]>((resolve, reject) => {
          fail = reject;
          hearing.then(resolve, reject);
        });
        const mail = await inTime(orBroken, silentMs).catch(noneIfInterrupted);
        if (mail === undefined) continue;
        // What was taken is thrown away now, unless the call was interrupted before.
        const fresh = mail.filter(({ id }) => !taken.has(Number(id)));
        taken = new Set(mail.map(({ id }) => Number(id)));
        for (const { body } of fresh) deliver(this.listener, body as Buffer);
      }
      sayFarewell(connection);
    } catch {
      if (this.#reopening.isClosed) return sayFarewell(connection);
      connection.destroy();
      wall.destroy();
      this.#reopening.ended();
    }
  }
}

/** Keeps no process alive: nobody waits for mail as such. */
function inTime<T>(work: Promise<T>, ms: number, error = () => new NoAnswer(silence(ms))): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = systemClock.timer(ms, () => reject(error()), { keepAlive: false });
    work.then(resolve, reject).finally(cancel);
  });
}

/** MariaDB goes on behind the waiting that was interrupted, MySQL may end the call. */
function noneIfInterrupted(cause: unknown): undefined {
  if (!wasInterrupted(cause)) throw cause;
}

/** So that the server does not log a lost connection; nobody waits for an answer. */
function sayFarewell(connection: MysqlListenConnection): void {
  const cancel = systemClock.timer(ANSWER_MS, () => connection.destroy(), { keepAlive: false });
  connection.end().then(cancel, cancel);
}

