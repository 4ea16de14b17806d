import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import type { Clock } from "../../../clock.ts";
import { Frames } from "./frames.ts";
import { connectReply, connectRequest, type ConnectReply, type ConnectRequest } from "./protocol.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `true`: with the system's authorities. */
export type Tls = boolean | ConnectionOptions;

export interface ConnectionEvents {
  /** The server has answered the handshake. */
  welcomed(reply: ConnectReply): void;
  /** A frame after that. Whatever it throws ends the connection. */
  frame(frame: Buffer): void;
  /** The last that is heard. */
  ended(cause: Error): void;
}

/** One connection to one server. What is written in one turn leaves in one piece. */
export class Connection {
  readonly #socket: Socket;
  #parts: Buffer[] = [];
  #flushing = false;

  /** `hello` is to be answered within `withinMs`. */
  constructor(
    { host, port }: Address,
    hello: ConnectRequest,
    withinMs: number,
    clock: Clock,
    tls: Tls,
    events: ConnectionEvents,
  ) {
    // Servers are told by name which of their certificates is meant; an address is no name.
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket =
      tls === false
        ? connectTcp({ host, port })
        : connectTls({ host, port, ...name, ...(tls === true ? {} : tls) });
    this.#socket = socket;
    socket.setNoDelay(true).unref();
    const tooLate = new Error(`${host}:${port} did not answer within ${Math.round(withinMs)} ms`);
    const cancel = clock.timer(withinMs, () => socket.destroy(tooLate), { keepAlive: false });
    socket.on(tls === false ? "connect" : "secureConnect", () => socket.write(connectRequest(hello)));
    const frames = new Frames();
    let isWelcomed = false;
    const take = (frame: Buffer): void => {
      if (isWelcomed) return events.frame(frame);
      isWelcomed = true;
      cancel();
      events.welcomed(connectReply(frame));
    };
    socket.on("data", (chunk) => {
      try {
        frames.push(chunk, take);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    let cause: Error | undefined;
    socket.on("error", (error) => (cause = error));
    socket.on("close", () => {
      cancel();
      events.ended(cause ?? new Error(`${host}:${port} closed the connection`));
    });
  }

  write(frame: Buffer): void {
    this.#parts.push(frame);
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => this.#flush());
  }

  /** Ends it after what was written has left. */
  end(): void {
    this.#flush();
    this.#socket.end();
  }

  destroy(cause: Error): void {
    this.#socket.destroy(cause);
  }

  #flush(): void {
    this.#flushing = false;
    const parts = this.#parts;
    this.#parts = [];
    if (parts.length === 0 || this.#socket.destroyed) return;
    this.#socket.write(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
  }
}
