import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";

export interface Listener {
  /** The real one, also when 0 was asked for. */
  readonly port: number;
  /**
   * No new connections; resolves when the requests on the way have their answers, or after `limitMs`.
   */
  drain(limitMs: number): Promise<void>;
}

/** A request longer on its way than this is not coming. */
const REQUEST_LIMIT_MS = 30_000;
const HEADERS_LIMIT_MS = 10_000;
/**
 * Longer than clients and proxies keep a connection, so that none is closed just as they use it again.
 */
const KEEP_ALIVE_MS = 65_000;
const SWEEP_MS = 20;

type Fetch = (request: Request) => Promise<Response> | Response;

/** @throws the system's error, for instance EADDRINUSE */
export async function listen(fetch: Fetch, host: string, port: number): Promise<Listener> {
  const server = createServer(
    {
      requestTimeout: REQUEST_LIMIT_MS,
      headersTimeout: HEADERS_LIMIT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: 16 * 1024,
    },
    // Bodies that nobody read are left to Node, which skips them. The listener's own clean-up ends the
    // connection half a second later, in the middle of the requests that came after (2.1.8).
    getRequestListener(fetch, { autoCleanupIncoming: false, errorHandler: () => unreadable() }),
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  server.on("clientError", refuse);
  return {
    port: (server.address() as AddressInfo).port,
    drain: (limitMs) => drained(server, limitMs),
  };
}

const UNREADABLE = JSON.stringify({
  type: "unreadable-request",
  title: "Unreadable request",
  status: 400,
  detail: "this is no HTTP request, or its headers are too large or too slow",
});

/** What has no place in the Fetch API, for instance a request without a host. */
const unreadable = (): Response =>
  new Response(UNREADABLE, { status: 400, headers: { "content-type": "application/problem+json" } });

/** What is no HTTP never reaches the routes. */
function refuse(_error: Error, socket: Duplex): void {
  if (!socket.writable) return void socket.destroy();
  socket.end(
    "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/problem+json\r\n" +
      `content-length: ${UNREADABLE.length}\r\n\r\n${UNREADABLE}`,
  );
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
