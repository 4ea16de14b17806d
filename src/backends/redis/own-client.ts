import type { Connection } from "./client.ts";
import { Heartbeat } from "./heartbeat.ts";
import {
  connectOnce,
  ioredisConnection,
  ONE_LIFE,
  type IoredisCluster,
  type IoredisNode,
} from "./ioredis.ts";
import * as nodeRedis from "./node-redis.ts";
import { Reopening } from "../../reopening.ts";
import type { Target } from "./url.ts";

/** A server of a cluster that leaves a command unanswered for this long has its connection replaced. */
const SILENCE_MS = 5_000;
/**
 * Elsewhere it is tried so soon after it was used. The client's own socketTimeout sets a timer and
 * a listener for every command, a tenth of what an uncontended lock costs here.
 */
const TRY_USED_MS = 2_500;

export interface IoredisModule {
  readonly default: {
    new (options: object): IoredisNode;
    readonly Cluster: new (nodes: readonly object[], options: object) => IoredisCluster;
  };
}

export interface NodeRedisModule {
  createClient(options: object): nodeRedis.NodeClient;
}

/**
 * A connection of the backend's own, over whichever library is installed: "ioredis", or for a
 * single server "redis". It reconnects by itself, repeats nothing, keeps nothing for later, and
 * lets an idle process end.
 */
export async function ownConnection(target: Target): Promise<Connection> {
  const ioredis = await installed<IoredisModule>(() => import("ioredis"));
  if (ioredis !== undefined) return overIoredis(ioredis.default, target);
  if (target.kind !== "single") {
    throw new Error(`A ${target.kind} URL needs the package "ioredis": npm install ioredis`);
  }
  const redis = await installed<NodeRedisModule>(() => import("redis"));
  if (redis !== undefined) return overNodeRedis(redis, target);
  throw new Error('Redis needs the package "ioredis" (or "redis"): npm install ioredis');
}

async function installed<Module>(load: () => Promise<unknown>): Promise<Module | undefined> {
  try {
    return (await load()) as Module;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND") return undefined;
    throw cause;
  }
}

/** `Redis` is what the package exports by default. */
export function overIoredis(Redis: IoredisModule["default"], target: Target): Connection {
  const { nodes, username, password, db, tls } = target;
  const login = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
  };
  if (target.kind === "cluster") {
    const cluster = new Redis.Cluster(nodes, {
      lazyConnect: true,
      clusterRetryStrategy: null,
      enableOfflineQueue: false,
      redisOptions: { ...login, socketTimeout: SILENCE_MS, maxRetriesPerRequest: 0 },
    });
    // Nodes come and go; each connects when it is first needed.
    cluster.on("+node", (each) => {
      const node = each as IoredisNode;
      node.on("connect", () => node.stream?.unref?.());
    });
    return kept(cluster, ioredisConnection(cluster), () => connectOnce(cluster));
  }
  const client = new Redis({
    ...ONE_LIFE,
    ...login,
    db,
    ...(target.kind === "single"
      ? nodes[0]
      : {
          sentinels: nodes,
          name: target.master,
          sentinelUsername: target.sentinelUsername,
          sentinelPassword: target.sentinelPassword,
          enableTLSForSentinelMode: tls,
        }),
    // A master that was demoted while connected says only so.
    reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
  });
  const connection = ioredisConnection(client);
  let heartbeat: Heartbeat | undefined;
  client.on("end", () => heartbeat?.stop());
  const watched: Connection = {
    ...connection,
    send(key, command) {
      heartbeat?.used();
      return connection.send(key, command);
    },
  };
  return kept(client, watched, async () => {
    await connectOnce(client);
    const { stream } = client;
    stream?.unref?.();
    heartbeat = new Heartbeat(() => client.ping(), () => stream?.destroy(), TRY_USED_MS);
  });
}

/** Connects again whenever it has ended. */
function kept(
  client: IoredisNode | IoredisCluster,
  connection: Connection,
  connect: () => Promise<void>,
): Connection {
  const reopening = new Reopening(connect);
  const ended = (): void => reopening.ended();
  client.on("error", () => undefined);
  return {
    ...connection,
    async open() {
      if (client.status !== "ready") await connect();
      client.off("end", ended);
      client.on("end", ended);
    },
    close() {
      reopening.close();
      client.disconnect();
    },
  };
}

/** `redis` is the whole package. */
export function overNodeRedis(redis: NodeRedisModule, target: Target): Connection {
  const { nodes, username, password, db, tls } = target;
  const client = redis.createClient({
    socket: { ...nodes[0], ...(tls ? { tls: true } : {}), reconnectStrategy: false },
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    database: db,
    disableOfflineQueue: true,
  });
  const connection = nodeRedis.nodeRedisConnection(client);
  let heartbeat: Heartbeat | undefined;
  const ended = (): void => {
    // Before it has connected once, whoever opens it is told.
    if (heartbeat === undefined) return;
    heartbeat.stop();
    nodeRedis.destroy(client);
    reopening.ended();
  };
  const connect = async (): Promise<void> => {
    await nodeRedis.connectOnce(client);
    heartbeat = new Heartbeat(() => connection.send("", ["PING"]), ended, TRY_USED_MS);
  };
  const reopening = new Reopening(connect);
  client.on("error", ended);
  return {
    ...connection,
    send(key, command) {
      heartbeat?.used();
      return connection.send(key, command);
    },
    async open() {
      if (!client.isOpen) await connect();
    },
    close() {
      reopening.close();
      heartbeat?.stop();
      nodeRedis.destroy(client);
    },
  };
}
