import type { Listener, Session } from "../../backend.ts";
import type { Connection, Subscription } from "./client.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { Keys } from "./keys.ts";
import { Reopening } from "../../reopening.ts";

/**
 * One connection and one channel for all that this process is told. It is opened again whenever it
 * ends.
 */
export class Push {
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #channel: string;
  readonly #listener: Listener;
  readonly #reopening = new Reopening(async () => {
    await this.#subscribe();
    // What was published meanwhile is lost.
    this.#listener.look();
  });
  #subscription: Subscription | undefined;
  #heartbeat: Heartbeat | undefined;
  #stopHearingReady: (() => void) | undefined;

  constructor(connection: Connection, keys: Keys, session: Session) {
    this.#connection = connection;
    this.#keys = keys;
    this.#channel = keys.channels + session.processId;
    this.#listener = session.listener;
  }

  async open(): Promise<void> {
    await this.#subscribe();
    this.#stopHearingReady = this.#connection.onReady(() => this.#listener.look());
  }

  close(): void {
    this.#reopening.close();
    this.#stopHearingReady?.();
    this.#heartbeat?.stop();
    this.#subscription?.close();
  }

  async #subscribe(): Promise<void> {
    const ended = (): void => {
      this.#heartbeat?.stop();
      this.#reopening.ended();
    };
    const subscription = await this.#connection.subscribe(
      this.#channel,
      (message) => this.#heard(message),
      ended,
    );
    if (this.#reopening.isClosed) return subscription.close();
    this.#subscription = subscription;
    this.#heartbeat = new Heartbeat(subscription.ping, () => {
      subscription.close();
      ended();
    });
  }

  /** Messages by their first letter; numbers come as text, because Lua's JSON would round them. */
  #heard(text: string): void {
    const parts = JSON.parse(text) as readonly unknown[];
    for (let at = 0; at < parts.length; ) {
      const kind = parts[at];
      const resource = this.#keys.resource(String(parts[at + 1]));
      const [a, b, c, d] = parts.slice(at + 2, at + 6);
      switch (kind) {
        case "g": {
          const grant = { token: Number(b), expiresAt: Number(c), waiting: Number(d) };
          this.#listener.granted(resource, String(a), grant);
          at += 6;
          break;
        }
        case "r":
          this.#listener.revoked(resource, String(a), b === "stolen" ? "stolen" : "revoked");
          at += 4;
          break;
        case "c":
          this.#listener.contended(resource);
          at += 2;
          break;
        case "l":
          this.#listener.look(resource, Number(a));
          at += 3;
          break;
        default:
          // From a later version: see for oneself.
          return this.#listener.look();
      }
    }
  }
}
