import assert from "node:assert/strict";
import { Agent, request, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { ADMIN } from "./platform.ts";

/**
 * What came back. Fields of the body are looked at with `text`, `number` and the like, which check the
 * type.
 */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: { readonly [field: string]: unknown };
}

export interface Sent {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Somebody with a cookie, or without. Any request may go to any node. */
export class Client {
  constructor(readonly cookie: string | null = null) {}

  /** Rejects when the connection breaks before the answer is whole. */
  async send(method: string, url: string, { body, headers = {} }: Sent = {}): Promise<Answer> {
    const payload = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
    const message = await exchange(method, url, payload, {
      ...(this.cookie === null ? {} : { cookie: `sid=${this.cookie}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      // Node leaves it out for DELETE, whose body would then be taken for the next request.
      "content-length": String(Buffer.byteLength(payload)),
      ...headers,
    });
    const { statusCode = 0 } = message;
    const received = await text(message);
    const parsed = received === "" ? {} : (JSON.parse(received) as Answer["body"]);
    return { status: statusCode, headers: message.headers, body: parsed };
  }

  get(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.send("GET", url, { headers });
  }

  post(url: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.send("POST", url, { body, headers });
  }
}

/** `fetch` takes four times the processor time, which on two cores the nodes need. */
const agent = new Agent({ keepAlive: true });

function exchange(
  method: string,
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, method, headers }, resolve);
    sent.once("error", reject);
    sent.end(body);
  });
}

export interface Login {
  readonly answer: Answer;
  /** With the cookie that came back, or without any. */
  readonly client: Client;
}

export async function login(node: string, credentials: object = ADMIN): Promise<Login> {
  const answer = await new Client().post(`${node}/api/login`, credentials);
  return { answer, client: new Client(cookieOf(answer)) };
}

/** Signed in as the first admin. */
export async function asAdmin(node: string): Promise<Client> {
  const { answer, client } = await login(node);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return client;
}

let accounts = 0;

/** A new account's credentials. */
export async function newAccount(
  node: string,
  admin: Client,
): Promise<{ email: string; password: string }> {
  const credentials = {
    email: `user-${process.pid}-${++accounts}@crm.test`,
    password: "battery-staple",
  };
  const answer = await admin.post(`${node}/api/users`, credentials);
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return credentials;
}

export function cookieOf({ headers }: Answer): string | null {
  const header = headers["set-cookie"]?.find((each) => each.startsWith("sid="));
  return header === undefined ? null : (/^sid=([^;]*)/.exec(header)?.[1] ?? null);
}

/** An error answer of this status and type, in the form that RFC 9457 asks for. */
export function assertProblem(answer: Answer, status: number, type: string): void {
  assert.equal(answer.status, status, JSON.stringify(answer.body));
  assert.equal(answer.headers["content-type"], "application/problem+json");
  assert.equal(answer.body["type"], type);
  assert.equal(answer.body["status"], status);
  assert.equal(typeof answer.body["title"], "string");
  assert.equal(typeof answer.body["detail"], "string");
  assert.doesNotMatch(
    JSON.stringify(answer.body),
    /\bat .*\.js:\d+|node_modules/,
    "no stack in an answer",
  );
}

export function textOf(value: unknown): string {
  assert.equal(typeof value, "string");
  return value as string;
}

export const etagOf = ({ headers }: Answer): string => textOf(headers.etag);

/** The nodes in turn, so that each gets the same share. */
export const inTurn = <T>(items: readonly T[], index: number): T => {
  const item = items[index % items.length];
  assert.ok(item !== undefined, "there is at least one");
  return item;
};
