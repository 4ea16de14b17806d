import { createHash } from "node:crypto";
import type { Listener, RevokeReason } from "../../backend.ts";
import { systemClock, type Cancel } from "../../clock.ts";
import { bounded, silence } from "./calls.ts";
import type { PostgresListenClient } from "./client.ts";
import { NoAnswer } from "./failure.ts";
import { restored, stored } from "./names.ts";
import { Reopening } from "../../reopening.ts";

/**
 * How often the connection is tried: one that died silently looks like one on which nothing
 * happens.
 */
const TRY_MS = 10_000;
const ANSWER_MS = 5_000;

/** The channel of a process, as the functions name it too. */
export const channelOf = (channels: string, processId: string): string =>
  channels + createHash("md5").update(stored(processId)).digest("hex");

/**
 * The push channel: one session that listens, apart from the pool, since a pool's sessions change
 * hands. Opened again whenever it has ended; what was sent meanwhile is lost, so waiters are then
 * told to look.
 */
export class Push {
  readonly #reopening = new Reopening(async () => {
    await this.open();
    this.listener.look();
  });
  #client: PostgresListenClient | undefined;
  #cancel: Cancel | undefined;
  /**
   * Set by the first connection: whether there is a pooler between, through which no message comes.
   */
  isPooled = false;

  constructor(
    readonly make: () => PostgresListenClient,
    readonly channel: string,
    readonly listener: Listener,
  ) {}

  async open(): Promise<void> {
    const client = this.make();
    let isOver = false;
    const ended = (): void => {
      if (isOver) return;
      isOver = true;
      this.#cancel?.();
      // A farewell would wait for an answer that may never come.
      client.connection?.stream?.destroy();
      if (this.#client === client) this.#reopening.ended();
    };
    client.on("error", ended);
    client.on("end", ended);
    client.on("notification", ({ payload = "" }) => this.#heard(payload));
    try {
      await bounded(this.#listen(client), ANSWER_MS, () => new NoAnswer(silence(ANSWER_MS)));
    } catch (cause) {
      ended();
      throw cause;
    }
    if (isOver) throw new NoAnswer("the connection ended at once");
    if (this.#reopening.isClosed || this.isPooled) {
      isOver = true;
      sayFarewell(client);
      return;
    }
    this.#client = client;
    this.#tryLater(client, ended);
  }

  close(): void {
    this.#reopening.close();
    this.#cancel?.();
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) sayFarewell(client);
  }

  async #listen(client: PostgresListenClient): Promise<void> {
    // Whoever waits keeps the process alive, for as long as it waits.
    client.unref?.();
    await client.connect();
    const { rows } = await client.query({ text: "SELECT pg_backend_pid() AS pid" });
    this.isPooled = isPooler(client, rows[0]);
    if (!this.isPooled) await client.query({ text: `LISTEN "${this.channel}"` });
  }

  #tryLater(client: PostgresListenClient, ended: () => void): void {
    this.#cancel = systemClock.timer(
      TRY_MS,
      () => {
        const cancel = systemClock.timer(ANSWER_MS, ended, { keepAlive: false });
        this.#cancel = cancel;
        client.query({ text: "SELECT 1" }).then(
          () => {
            cancel();
            if (this.#client === client && this.#cancel === cancel) this.#tryLater(client, ended);
          },
          () => ended(),
        );
      },
      { keepAlive: false },
    );
  }

  /**
   * By the first letter; numbers, then the lease id's length in bytes, the lease id and the
   * resource.
   */
  #heard(payload: string): void {
    const { listener } = this;
    const words = payload.split(" ", 5);
    const [kind, a = "", b = "", c = ""] = words;
    switch (kind) {
      case "g": {
        const [leaseId, resource] = named(payload, words, 4);
        const grant = { token: Number(a), expiresAt: Number(b), waiting: Number(c) };
        return listener.granted(resource, leaseId, grant);
      }
      case "r":
      case "s": {
        const [leaseId, resource] = named(payload, words, 1);
        const reason: RevokeReason = kind === "s" ? "stolen" : "revoked";
        return listener.revoked(resource, leaseId, reason);
      }
      case "c":
        return listener.contended(restored(payload.slice(2)));
      case "l":
        return listener.look(restored(payload.slice(kind.length + a.length + 2)), Number(a));
      default:
        // From a later version: see for oneself.
        return listener.look();
    }
  }
}

/** So that the server does not log a lost connection; nobody waits for an answer. */
function sayFarewell(client: PostgresListenClient): void {
  const destroy = (): void => client.connection?.stream?.destroy();
  const cancel = systemClock.timer(ANSWER_MS, destroy, { keepAlive: false });
  client.end().then(cancel, cancel);
}

function named(payload: string, words: readonly string[], at: number): readonly [string, string] {
  const head = words.slice(0, at + 1).join(" ").length + 1;
  const rest = Buffer.from(payload.slice(head));
  const length = Number(words[at]);
  return [restored(rest.toString("utf8", 0, length)), restored(rest.toString("utf8", length))];
}

/** A pooler tells its clients of no session that the server knows. */
export function isPooler(
  client: { readonly processID?: number | null },
  row: Readonly<Record<string, unknown>> | undefined,
): boolean {
  return client.processID !== Number(row?.["pid"]);
}
