import { createServer, type Server } from "node:http";
import type { Election } from "../index.ts";
import { EXIT } from "./exit-codes.ts";
import { Failure, UsageFailure } from "./failure.ts";

const LOOPBACK = "127.0.0.1";

/** What `--http` says about this very process. */
export interface Self {
  readonly id: string;
  /** The term in which it leads; null: it does not. */
  term: bigint | null;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `PORT`, `HOST:PORT` or `[HOST]:PORT`; without host on this machine only. @throws UsageFailure */
export function addressOf(text: string): Address {
  const [, host = LOOPBACK, port = ""] = /^(?:\[?([^\]]*?)\]?:)?(\d{1,5})$/.exec(text) ?? [];
  if (port !== "" && Number(port) <= 65_535) {
    return { host: host === "" ? LOOPBACK : host, port: Number(port) };
  }
  throw new UsageFailure(
    `--http "${text}" is no port`,
    "Write --http 4040 for this machine, or --http 0.0.0.0:4040 for others, too.",
  );
}

/**
 * Answers every GET with the leader as the store shows it at that moment: 200, or 503 when nobody answers.
 * @throws Failure when the port is taken
 */
export async function serveLeader(election: Election, self: Self, { host, port }: Address): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") return void response.writeHead(405).end();
    void document(election, self).then(([status, body]) => {
      const head = { "content-type": "application/json", "cache-control": "no-store" };
      response.writeHead(status, head).end(request.method === "HEAD" ? "" : body);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      const remedy = "Is the port taken? Choose another one.";
      reject(new Failure(EXIT.internal, `--http ${host}:${port}: ${cause.message}`, remedy, { cause }));
    });
    server.listen(port, host, resolve);
  });
  return server;
}

async function document(election: Election, self: Self): Promise<readonly [status: number, body: string]> {
  const about = { election: election.name, id: self.id, leads: self.term !== null };
  try {
    const leader = await election.leader();
    return [200, json({ ...about, leader })];
  } catch (error) {
    return [503, json({ ...about, error: error instanceof Error ? error.message : String(error) })];
  }
}

/** Terms do not fit everybody's JSON numbers: they are strings. */
function json(value: unknown): string {
  const plain = (_: string, each: unknown): unknown => (typeof each === "bigint" ? each.toString() : each);
  return `${JSON.stringify(value, plain)}\n`;
}
