import { systemClock } from "../../clock.ts";
import type { Connection, Send, Subscription } from "./client.ts";
import { hear } from "./hearing.ts";
import { NotSent } from "./failure.ts";

/** What is used of any client of "redis" (node-redis), version 5 or 6. */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  sendCommand(...args: never[]): Promise<unknown>;
  on(event: string, handler: (...args: unknown[]) => void): unknown;
  off(event: string, handler: (...args: unknown[]) => void): unknown;
}

type Heard = (message: string) => void;

/** Each of the three kinds takes a command in its own way. */
export interface NodeClient extends NodeRedisClient {
  readonly isReady: boolean;
  readonly options?: { readonly socket?: object } | undefined;
  sendCommand(command: readonly string[], options: object): Promise<unknown>;
  duplicate(options: object): NodeClient;
  connect(): Promise<unknown>;
  destroy(): unknown;
  unref(): void;
  subscribe(channel: string, heard: Heard): Promise<unknown>;
}

interface ClusterClient extends NodeRedisClient {
  readonly masters: readonly object[];
  sendCommand(
    key: string | undefined,
    readOnly: boolean,
    command: readonly string[],
    options: object,
  ): Promise<unknown>;
  nodeClient(node: object): NodeClient | Promise<NodeClient>;
}

interface SentinelClient extends NodeRedisClient {
  getMasterNode(): unknown;
  sendCommand(readOnly: boolean, command: readonly string[], options: object): Promise<unknown>;
  subscribe(channel: string, heard: Heard): Promise<unknown>;
  unsubscribe(channel: string, heard: Heard): Promise<unknown>;
}

/**
 * No timeout: it does not cover commands that were written, and triples their cost; whoever calls a
 * backend sets deadlines. Plain strings, whatever the client's own mapping is.
 */
const OPTIONS = Object.freeze({ timeout: 0, typeMapping: Object.freeze({}) });

/** By which the three kinds of client tell that they have connected, or found another master. */
const CONNECTED = ["ready", "node-ready", "topology-change"] as const;

/** A connection that is not made within this time is given up. */
const CONNECT_MS = 5_000;

export function isNodeRedis(client: object): client is NodeRedisClient {
  return "sendCommand" in client && "isOpen" in client;
}

/** Reconnecting, and ending it, are left to whoever made the client. */
export function nodeRedisConnection(client: NodeRedisClient): Connection {
  const kind = kindOf(client);
  const ready = (): void => {
    if (!client.isOpen) throw new NotSent("the client is closed; await client.connect() first");
    if (isReady(client) === false) throw new NotSent("the client is not connected");
  };
  return {
    isCluster: kind.isCluster,
    async open() {
      if (!client.isOpen) ready();
      if (isReady(client) === false) await connected(client);
      await kind.send("", ["TIME"]);
    },
    async send(key, command) {
      ready();
      return kind.send(key, command);
    },
    async masters() {
      ready();
      return kind.masters();
    },
    subscribe: kind.subscribe,
    onReady: (handler) => hear(client, CONNECTED, handler),
    close() {},
  };
}

/** Clusters of version 5 do not tell. */
const isReady = (client: Partial<NodeClient>): boolean | undefined => client.isReady;

function connected(client: NodeRedisClient): Promise<void> {
  return new Promise((resolve) => {
    const stop = hear(client, CONNECTED, () => {
      stop();
      resolve();
    });
  });
}

type Kind = Pick<Connection, "isCluster" | "send" | "masters" | "subscribe">;

function kindOf(client: NodeRedisClient): Kind {
  if ("masters" in client) return clusterKind(client as ClusterClient);
  if ("getMasterNode" in client) return sentinelKind(client as NodeRedisClient as SentinelClient);
  return nodeKind(client as NodeClient);
}

function nodeKind(client: NodeClient): Kind {
  return {
    isCluster: false,
    send: (_key, command) => client.sendCommand(command, OPTIONS),
    masters: async () => [(command) => client.sendCommand(command, OPTIONS)],
    subscribe: (channel, heard, ended) => subscribe(client, channel, heard, ended),
  };
}

function clusterKind(client: ClusterClient): Kind {
  return {
    isCluster: true,
    send: (key, command) => client.sendCommand(key || undefined, false, command, OPTIONS),
    masters: () =>
      Promise.all(
        client.masters.map(async (master): Promise<Send> => {
          const node = await client.nodeClient(master);
          return (command) => node.sendCommand(command, OPTIONS);
        }),
      ),
    async subscribe(channel, heard, ended) {
      const node = client.masters[Math.floor(systemClock.random() * client.masters.length)];
      if (node === undefined) throw new NotSent("no node of the cluster is known");
      return subscribe(await client.nodeClient(node), channel, heard, ended);
    },
  };
}

/** This client keeps a connection for channels by itself, and moves it to the new master. */
function sentinelKind(client: SentinelClient): Kind {
  return {
    isCluster: false,
    send: (_key, command) => client.sendCommand(false, command, OPTIONS),
    masters: async () => [(command) => client.sendCommand(false, command, OPTIONS)],
    async subscribe(channel, heard) {
      await client.subscribe(channel, heard);
      return {
        ping: async () => undefined,
        close: () => void client.unsubscribe(channel, heard).catch(() => undefined),
      };
    },
  };
}

async function subscribe(
  node: NodeClient,
  channel: string,
  heard: Heard,
  ended: () => void,
): Promise<Subscription> {
  const own = node.duplicate({ socket: { ...node.options?.socket, reconnectStrategy: false } });
  let isServing = false;
  own.on("error", () => {
    if (!isServing) return;
    isServing = false;
    destroy(own);
    ended();
  });
  await connectOnce(own, () => own.subscribe(channel, heard));
  isServing = true;
  return {
    ping: () => own.sendCommand(["PING"], OPTIONS),
    close() {
      isServing = false;
      destroy(own);
    },
  };
}

/** Connects, within bounds even if the server accepts but never answers. */
export async function connectOnce(
  client: NodeClient,
  andThen?: () => Promise<unknown>,
): Promise<void> {
  const cancel = systemClock.timer(CONNECT_MS, () => destroy(client), { keepAlive: false });
  try {
    await client.connect();
    await andThen?.();
    client.unref();
  } catch (cause) {
    destroy(client);
    throw cause;
  } finally {
    cancel();
  }
}

/** Version 5 throws where there is nothing left to destroy. */
export function destroy(client: NodeClient): void {
  if (client.isOpen) client.destroy();
}
