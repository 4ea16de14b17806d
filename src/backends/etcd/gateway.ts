import * as http from "node:http";
import * as https from "node:https";
import { systemClock } from "../../clock.ts";
import { CODE, NotSent, Refusal } from "./failure.ts";
import type { EtcdOptions } from "./options.ts";

/** A member that does not answer for this long is left for the next one. */
const ANSWER_MS = 2_500;
const SOCKETS_MAX = 64;

/** A reply that comes in pieces, for as long as both sides like. */
export interface Stream {
  readonly close: () => void;
}

/**
 * etcd's JSON gateway (https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/) over all members of the
 * cluster: talks to one of them, and to the next one when that does not answer. Requests that may have had
 * an effect are never sent twice.
 */
export class Gateway {
  /** By member, as `node:http` takes them. */
  readonly #endpoints: readonly http.RequestOptions[];
  readonly #agents: readonly [http.Agent, https.Agent];
  readonly #options: EtcdOptions;
  #current = 0;
  #token: Promise<string> | undefined;

  constructor(options: EtcdOptions) {
    this.#options = options;
    const settings = { keepAlive: true, maxSockets: SOCKETS_MAX, scheduling: "lifo" } as const;
    this.#agents = [new http.Agent(settings), new https.Agent({ ...settings, ...options.tls })];
    this.#endpoints = options.endpoints.map((endpoint) => {
      const { hostname, port, protocol } = new URL(endpoint);
      const agent = this.#agents[protocol === "https:" ? 1 : 0];
      // Brackets of an IPv6 address belong to URLs only.
      return { protocol, host: hostname.replace(/^\[|\]$/g, ""), port, agent, method: "POST" };
    });
  }

  /** @throws NotSent, Refusal, or what broke the connection: then the outcome is unknown */
  async call<Reply>(path: string, body: object, answerMs = ANSWER_MS): Promise<Reply> {
    for (let tried = 1; ; tried += 1) {
      const at = this.#current;
      try {
        return await this.#authorized((token) => this.#post<Reply>(at, path, body, token, answerMs));
      } catch (error) {
        if (!(error instanceof Refusal)) this.#leave(at);
        if (!(error instanceof NotSent) || tried >= this.#endpoints.length) throw error;
      }
    }
  }

  /** Resolves once the reply has begun. `ended` is called once, however it ends. */
  async stream(
    path: string,
    body: object,
    line: (text: string) => void,
    ended: (why: Error) => void,
  ): Promise<Stream> {
    const at = this.#current;
    const token = await this.#login();
    return new Promise((resolve, reject) => {
      let isOver = false;
      const end = (why: Error): void => {
        if (isOver) return;
        isOver = true;
        cancel();
        request.destroy();
        if (why instanceof Refusal) this.#token = undefined;
        reject(why);
        ended(why);
      };
      const request = this.#request(at, path, token, (response) => {
        cancel();
        let rest = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          const lines = (rest + chunk).split("\n");
          rest = lines.pop() ?? "";
          for (const each of lines) if (!isOver) line(each);
        });
        response.on("end", () => end(new Refusal(response.statusCode ?? 0, `the stream ended: ${rest}`)));
        response.on("error", end);
        response.on("close", () => end(new Error("the connection was closed")));
        resolve({ close: () => end(new Error("closed")) });
      });
      const cancel = systemClock.timer(ANSWER_MS, () => end(new Error("no answer")), { keepAlive: false });
      request.on("socket", (socket) => socket.unref());
      request.on("error", (error) => {
        this.#leave(at);
        end(error);
      });
      request.end(JSON.stringify(body));
    });
  }

  /** Talks to the next member from now on. */
  moveOn(): void {
    this.#leave(this.#current);
  }

  close(): void {
    for (const agent of this.#agents) agent.destroy();
  }

  #leave(at: number): void {
    if (at === this.#current) this.#current = (at + 1) % this.#endpoints.length;
  }

  async #authorized<Reply>(send: (token: string) => Promise<Reply>): Promise<Reply> {
    const token = await this.#login();
    try {
      return await send(token);
    } catch (error) {
      const isOutdated = error instanceof Refusal && error.code === CODE.unauthenticated;
      if (!isOutdated || this.#options.user === undefined) throw error;
      // Tokens end, after five minutes without use for instance, and with the member that gave them.
      this.#token = undefined;
      return send(await this.#login());
    }
  }

  #login(): Promise<string> {
    const { user: name, password, token } = this.#options;
    if (name === undefined) return Promise.resolve(token ?? "");
    this.#token ??= this.#post<{ token: string }>(
      this.#current,
      "/v3/auth/authenticate",
      { name, password },
      "",
      ANSWER_MS,
    ).then(
      (reply) => reply.token,
      (error: unknown) => {
        this.#token = undefined;
        throw error instanceof Refusal ? error : new NotSent(String(error), { cause: error });
      },
    );
    return this.#token;
  }

  #request(
    at: number,
    path: string,
    token: string,
    answered: (response: http.IncomingMessage) => void,
  ): http.ClientRequest {
    const endpoint = this.#endpoints[at] as http.RequestOptions;
    const { request } = endpoint.protocol === "https:" ? https : http;
    const headers: http.OutgoingHttpHeaders = { "content-type": "application/json" };
    if (token !== "") headers["authorization"] = token;
    // A member that has lost the leader ends its streams, instead of keeping them silent.
    if (path === "/v3/watch") headers["grpc-metadata-hasleader"] = "true";
    return request({ ...endpoint, path, headers }, answered);
  }

  async #post<Reply>(
    at: number,
    path: string,
    body: object,
    token: string,
    answerMs: number,
  ): Promise<Reply> {
    const { status, text } = await this.#send(at, path, body, token, answerMs);
    return understood<Reply>(status, text);
  }

  #send(
    at: number,
    path: string,
    body: object,
    token: string,
    answerMs: number,
  ): Promise<{ readonly status: number; readonly text: string }> {
    return new Promise((resolve, reject) => {
      let wasConnected = false;
      const fail = (error: Error): void => {
        cancel();
        request.destroy();
        reject(wasConnected ? error : new NotSent(error.message, { cause: error }));
      };
      const request = this.#request(at, path, token, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("error", fail);
        response.on("end", () => {
          cancel();
          resolve({ status: response.statusCode ?? 0, text });
        });
      });
      const cancel = systemClock.timer(answerMs, () => fail(new Error(`no answer within ${answerMs} ms`)), {
        keepAlive: false,
      });
      request.on("socket", (socket) => {
        socket.unref();
        if (socket.connecting) socket.once(socketReady(socket), () => (wasConnected = true));
        else wasConnected = true;
      });
      request.on("error", fail);
      request.end(JSON.stringify(body));
    });
  }
}

/** With TLS nothing of a request is sent before the handshake. */
function socketReady(socket: object): "secureConnect" | "connect" {
  return "encrypted" in socket ? "secureConnect" : "connect";
}

function understood<Reply>(status: number, text: string): Reply {
  let reply: { code?: number; error?: string } & Reply;
  try {
    reply = JSON.parse(text) as typeof reply;
  } catch {
    throw new Error(`HTTP ${status} with ${JSON.stringify(text.slice(0, 200))}: is this etcd 3.4 or later?`);
  }
  if (status === 200) return reply;
  throw new Refusal(reply.code ?? 0, reply.error ?? `HTTP ${status}`);
}
