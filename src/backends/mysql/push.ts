import type { Listener } from "../../backend.ts";
import { sleep, systemClock } from "../../clock.ts";
import { rowsOf, silence } from "./calls.ts";
import type { MysqlListenConnection } from "./client.ts";
import { NoAnswer, wasInterrupted } from "./failure.ts";
import type { Room } from "./locks.ts";
import { deliver } from "./message.ts";
import { Reopening } from "../../reopening.ts";

/**
 * How long the session sleeps unless it is woken. A connection that died silently looks like one
 * that sleeps; and where sessions may not be interrupted, mail waits for so long.
 */
const SLEEP_S = 10;
const ANSWER_MS = 5_000;

/** How often, and at what distance, a session is asked to end. */
const FAREWELLS = 20;
const FAREWELL_MS = 25;

interface Line {
  readonly connection: MysqlListenConnection;
  readonly box: string;
  readonly sessionId: number;
}

/**
 * The push channel: one session that sleeps on the server until somebody has mail for this process
 * (see mail-procedures.ts), apart from the pool, since a pool's sessions change hands. Opened again
 * whenever it has ended; what was sent meanwhile is lost, so waiters are then told to look.
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
    /** On another session. */
    readonly interrupt: (sessionId: number) => Promise<unknown>,
  ) {}

  async open(): Promise<void> {
    const line = await this.#dial();
    if (this.#reopening.isClosed) return sayFarewell(line.connection);
    this.#line = line;
    void this.#hear(line);
  }

  async close(): Promise<void> {
    this.#reopening.close();
    // The server would not notice before the sleep is over; and it may be about to begin.
    for (let left = FAREWELLS; left > 0 && this.#line !== undefined; left -= 1) {
      await this.interrupt(this.#line.sessionId).catch(() => undefined);
      await sleep(systemClock, FAREWELL_MS);
    }
  }

  async #dial(): Promise<Line> {
    const making = this.make();
    let isLate = false;
    making.then((connection) => isLate && connection.destroy(), () => undefined);
    const silent = (): NoAnswer => {
      isLate = true;
      return new NoAnswer(silence(ANSWER_MS));
    };
    const connection = await inTime(making, ANSWER_MS, silent);
    connection.on("error", () => undefined);
    // Whoever waits keeps the process alive, for as long as it waits.
    connection.connection?.stream?.unref?.();
    try {
      return await inTime(this.#takeBell(connection), ANSWER_MS, silent);
    } catch (cause) {
      connection.destroy();
      throw cause;
    }
  }

  async #takeBell(connection: MysqlListenConnection): Promise<Line> {
    const { names, space, session } = this.room;
    await connection.query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
    await connection.query("SET SESSION autocommit = 1");
    const [row] = await rowsOf(connection, `CALL ${names.procedure("listen")}(?, ?)`, [
      space,
      Buffer.from(session.processId),
    ]);
    if (Number(row?.["is_ours"]) !== 1) throw new Error("another session listens for this process");
    return { connection, box: String(row?.["box"]), sessionId: Number(row?.["session_id"]) };
  }

  async #hear(line: Line): Promise<void> {
    const { connection, box } = line;
    const text = `CALL ${this.room.names.procedure("hear")}(?, ?, ${SLEEP_S})`;
    const silentMs = SLEEP_S * 1_000 + ANSWER_MS;
    let taken = new Set<number>();
    try {
      while (!this.#reopening.isClosed) {
        const hearing = rowsOf(connection, text, [box, Buffer.from([...taken].join(" "))]);
        const mail = await inTime(hearing, silentMs).catch(noneIfInterrupted);
        if (mail === undefined) continue;
        // What was taken is thrown away now, unless the call was interrupted before.
        const fresh = mail.filter(({ id }) => !taken.has(Number(id)));
        taken = new Set(mail.map(({ id }) => Number(id)));
        for (const { body } of fresh) deliver(this.listener, body as Buffer);
      }
      sayFarewell(connection);
    } catch {
      connection.destroy();
      this.#reopening.ended();
    }
    this.#line = undefined;
  }
}

/** Keeps no process alive: nobody waits for mail as such. */
function inTime<T>(work: Promise<T>, ms: number, error = () => new NoAnswer(silence(ms))): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = systemClock.timer(ms, () => reject(error()), { keepAlive: false });
    work.then(resolve, reject).finally(cancel);
  });
}

/** MariaDB goes on behind the sleep that was interrupted, MySQL ends the call. */
function noneIfInterrupted(cause: unknown): undefined {
  if (!wasInterrupted(cause)) throw cause;
}

/** So that the server does not log a lost connection; nobody waits for an answer. */
function sayFarewell(connection: MysqlListenConnection): void {
  const cancel = systemClock.timer(ANSWER_MS, () => connection.destroy(), { keepAlive: false });
  connection.end().then(cancel, cancel);
}

