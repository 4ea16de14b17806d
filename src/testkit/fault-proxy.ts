import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { systemClock } from "../clock.ts";

/** As seen by the proxy: `requests` go to the server, `replies` to the client. */
export type Direction = "requests" | "replies" | "both";

/**
 * `held`: as a network that is cut: bytes wait, and arrive after `heal()`.
 * `swallowed`: as a dead peer that nobody has noticed: bytes vanish.
 */
type Passage = "open" | "held" | "swallowed";

interface Link {
  readonly client: Socket;
  /** Undefined until the connection is let through. */
  server: Socket | undefined;
  /** Bytes vanished: the stream has a hole and must not go on. */
  holed: boolean;
  losesNextReply: boolean;
}

/**
 * A TCP proxy on loopback, between a client and a real server, that misbehaves on demand. Passes everything
 * on until told otherwise; what is told holds for open and new connections until {@link FaultProxy.heal}.
 */
export class FaultProxy {
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #requests: Passage = "open";
  #replies: Passage = "open";
  #refusing = false;
  #delayMs = 0;
  #losesReplyTo: ((request: Buffer) => boolean) | undefined;
  #onReplyLost: () => void = () => undefined;

  private constructor(private readonly target: { readonly host: string; readonly port: number }) {
    this.#server = createServer({ noDelay: true }, (client) => this.#accept(client));
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(target: { readonly host?: string; readonly port: number }): Promise<FaultProxy> {
    const proxy = new FaultProxy({ host: "127.0.0.1", ...target });
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections open right now. */
  get connections(): number {
    return this.#links.size;
  }

  /** Cuts the network: no byte arrives, no connection breaks. After `heal()` what was sent arrives late. */
  cut(direction: Direction = "both"): void {
    this.#set(direction, "held");
  }

  /** Accepts and swallows. Connections that lost bytes are reset by `heal()`. */
  blackhole(direction: Direction = "both"): void {
    this.#set(direction, "swallowed");
  }

  /** Resets every open connection, once. New ones pass. */
  reset(): void {
    for (const link of this.#links) drop(link);
  }

  /** Resets every open connection, and every new one. */
  refuse(): void {
    this.#refusing = true;
    this.reset();
  }

  /** Each piece of data, both ways, arrives this much later. Pieces sent before keep their own delay. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /**
   * Lets the next matching request through to the server, loses the reply, and resets the connection.
   * Resolves when that has happened.
   */
  dropNextReply(matches: (request: Buffer) => boolean = () => true): Promise<void> {
    this.#losesReplyTo = matches;
    return new Promise((resolve) => (this.#onReplyLost = resolve));
  }

  /** All is well again. */
  heal(): void {
    this.#refusing = false;
    this.#delayMs = 0;
    this.#losesReplyTo = undefined;
    for (const link of this.#links) if (link.holed) drop(link);
    this.#set("both", "open");
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.reset();
    await closed;
  }

  #set(direction: Direction, passage: Passage): void {
    if (direction !== "replies") this.#requests = passage;
    if (direction !== "requests") this.#replies = passage;
    for (const link of this.#links) this.#adjust(link);
  }

  #accept(client: Socket): void {
    if (this.#refusing) return void client.resetAndDestroy();
    const link: Link = { client, server: undefined, holed: false, losesNextReply: false };
    this.#links.add(link);
    client.on("error", () => drop(link));
    client.on("close", () => this.#forget(link));
    client.on("data", (data) => this.#pass(link, data, "requests"));
    client.on("end", () => link.server?.end());
    this.#adjust(link);
  }

  /** Brings a connection in line with what holds now. */
  #adjust(link: Link): void {
    if (this.#requests === "held") link.client.pause();
    else link.client.resume();
    if (this.#requests === "open" && link.server === undefined && !link.holed) this.#join(link);
    if (this.#replies === "held") link.server?.pause();
    else link.server?.resume();
  }

  #join(link: Link): void {
    const server = connect({ ...this.target, noDelay: true });
    link.server = server;
    server.on("error", () => drop(link));
    server.on("close", () => this.#forget(link));
    server.on("data", (data) => this.#pass(link, data, "replies"));
    server.on("end", () => link.client.end());
  }

  #pass(link: Link, data: Buffer, direction: "requests" | "replies"): void {
    if ((direction === "requests" ? this.#requests : this.#replies) === "swallowed") {
      link.holed = true;
      return;
    }
    if (direction === "requests" && this.#losesReplyTo?.(data) === true) {
      this.#losesReplyTo = undefined;
      link.losesNextReply = true;
    } else if (direction === "replies" && link.losesNextReply) {
      drop(link);
      return this.#onReplyLost();
    }
    const to = direction === "requests" ? link.server : link.client;
    if (this.#delayMs === 0) return void to?.write(data);
    systemClock.timer(this.#delayMs, () => void (to?.writable && to.write(data)), {
      keepAlive: false,
    });
  }

  #forget(link: Link): void {
    this.#links.delete(link);
    drop(link);
  }
}

function drop({ client, server }: Link): void {
  reset(client);
  if (server !== undefined) reset(server);
}

/** A socket that is saying its farewell cannot be reset: libuv refuses, and the handle stays open. */
function reset(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
