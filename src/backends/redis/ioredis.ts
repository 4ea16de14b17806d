import { systemClock } from "../../clock.ts";
import type { Connection, Send, Subscription } from "./client.ts";
import { hear } from "./hearing.ts";
import { NotSent } from "./failure.ts";

/** What is used of an ioredis client, version 5 or 6. */
export interface IoredisClient {
  readonly status: string;
  readonly options: object;
  readonly isCluster: boolean;
  call(command: string, args: string[]): Promise<unknown>;
  on(event: string, handler: (...args: unknown[]) => void): unknown;
  off(event: string, handler: (...args: unknown[]) => void): unknown;
}

/** A client of one node. */
export interface IoredisNode extends IoredisClient {
  readonly stream?: { unref?(): unknown; destroy(): unknown };
  duplicate(options: object): IoredisNode;
  connect(): Promise<void>;
  disconnect(): void;
  subscribe(channel: string): Promise<unknown>;
  ping(): Promise<unknown>;
}

export interface IoredisCluster extends IoredisClient {
  nodes(role: "master"): IoredisNode[];
  connect(): Promise<void>;
  disconnect(): void;
}

/** A connection that is not made within this time is given up. */
const CONNECT_MS = 5_000;

export function isIoredis(client: object): client is IoredisClient {
  return "status" in client && "call" in client && "isCluster" in client;
}

const isCluster = (client: IoredisClient): client is IoredisCluster => client.isCluster;

/** Reconnecting, and ending it, are left to whoever made the client. */
export function ioredisConnection(client: IoredisClient): Connection {
  const { options } = client;
  if ("keyPrefix" in options && typeof options.keyPrefix === "string" && options.keyPrefix !== "") {
    throw new TypeError(
      "redis(client): scripts and channels do not see a client's keyPrefix; use a client without " +
        `one, and { namespace: ${JSON.stringify(options.keyPrefix)} } for the coordinator`,
    );
  }
  const masters = (): readonly IoredisNode[] =>
    isCluster(client) ? client.nodes("master") : [client as IoredisNode];
  // Only while connected: what a client keeps for later takes effect when nobody wants it any more.
  const notReady = (): NotSent => new NotSent(`the client is not connected (${client.status})`);
  return {
    isCluster: isCluster(client),
    // A lazy client connects when something is sent, and one that is connecting sends it then.
    open: async () => void (await client.call("TIME", [])),
    send(_key, command) {
      if (client.status !== "ready") return Promise.reject(notReady());
      return client.call(command[0]!, command.slice(1));
    },
    async masters() {
      if (client.status !== "ready") throw notReady();
      return masters().map((node): Send => (command) => node.call(command[0]!, command.slice(1)));
    },
    subscribe: (channel, heard, ended) => subscribe(masters(), channel, heard, ended),
    onReady: (handler) => hear(client, ["ready"], handler),
    close() {},
  };
}

/** Options of a connection that lives once: it connects when told, and ends when it breaks. */
export const ONE_LIFE = Object.freeze({
  lazyConnect: true,
  retryStrategy: null,
  sentinelRetryStrategy: null,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  enableAutoPipelining: false,
  autoResubscribe: false,
});

/** Connects, within bounds even if the server never answers. Rejects with the reason. */
export async function connectOnce(client: IoredisNode | IoredisCluster): Promise<void> {
  // The promise says only that the connection is closed; why, an event says.
  let reason: unknown;
  const failed = (cause: unknown): void => void (reason ??= cause);
  client.on("error", failed);
  const giveUp = (): void => {
    client.disconnect();
    // Which waits for an answer.
    if ("stream" in client) client.stream?.destroy();
  };
  const cancel = systemClock.timer(CONNECT_MS, giveUp, { keepAlive: false });
  try {
    await client.connect();
  } catch (cause) {
    throw reason ?? cause;
  } finally {
    cancel();
    client.off("error", failed);
  }
}

async function subscribe(
  masters: readonly IoredisNode[],
  channel: string,
  heard: (message: string) => void,
  ended: () => void,
): Promise<Subscription> {
  const node = masters[Math.floor(systemClock.random() * masters.length)];
  if (node === undefined) throw new NotSent("no node of the cluster is known");
  const own = node.duplicate({ ...ONE_LIFE, readOnly: false });
  own.on("error", () => undefined);
  own.on("message", (_channel, message) => heard(String(message)));
  try {
    await connectOnce(own);
    await own.subscribe(channel);
  } catch (cause) {
    own.disconnect();
    throw cause;
  }
  own.stream?.unref?.();
  own.on("end", ended);
  return {
    ping: () => own.ping(),
    close() {
      own.off("end", ended);
      own.disconnect();
    },
  };
}
