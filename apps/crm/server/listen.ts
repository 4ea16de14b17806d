import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";

export interface Listener {
  /** The real one, also when 0 was asked for. */
  readonly port: number;
  /** No new connections; resolves when the requests on the way have their answers, or after `limitMs`. */
  drain(limitMs: number): Promise<void>;
}

/** A request longer on its way than this is not coming. */
const REQUEST_LIMIT_MS = 30_000;
const HEADERS_LIMIT_MS = 10_000;
const SWEEP_MS = 20;

type Fetch = (request: Request) => Promise<Response> | Response;

/** @throws the system's error, for instance EADDRINUSE */
export async function listen(fetch: Fetch, host: string, port: number): Promise<Listener> {
  const server = createServer(
    { requestTimeout: REQUEST_LIMIT_MS, headersTimeout: HEADERS_LIMIT_MS, maxHeaderSize: 16 * 1024 },
    // It answers by itself what goes wrong.
    getRequestListener(fetch) as (...args: unknown[]) => void,
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    drain: (limitMs) => drained(server, limitMs),
  };
}

async function drained(server: Server, limitMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
  // A connection becomes idle when its answer is out, and would stay open for the next request.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  const limit = setTimeout(() => server.closeAllConnections(), limitMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(limit);
}
