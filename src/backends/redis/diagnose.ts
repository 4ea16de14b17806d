import type { Finding } from "../../backend.ts";
import type { Connection, Send } from "./client.ts";

/** Clocks of a cluster's nodes that differ more than this make handed-over grants less exact. */
const SKEW_MAX_MS = 20;

/** What `holdfast doctor` says about a server, and what follows for safety. */
export async function diagnose(connection: Connection): Promise<readonly Finding[]> {
  const masters = await connection.masters();
  const findings: Finding[] = [];
  for (const [index, send] of masters.entries()) {
    const where = masters.length > 1 ? ` of node ${index + 1}` : "";
    for (const finding of await diagnoseNode(send)) {
      findings.push({ ...finding, subject: finding.subject + where });
    }
  }
  if (connection.isCluster) {
    findings.push(await clusterState(masters[0]!), await clusterClocks(masters));
  }
  return findings;
}

async function diagnoseNode(send: Send): Promise<readonly Finding[]> {
  const info = await infoOf(send);
  return [
    version(info),
    role(info),
    eviction(info),
    await persistence(send, info),
    replication(info),
    await scripting(send),
  ];
}

function version(info: Info): Finding {
  const text = info.get("valkey_version") ?? info.get("redis_version") ?? "unknown";
  const major = Number.parseInt(info.get("redis_version") ?? text, 10);
  if (major >= 6) return { level: "ok", subject: "version", detail: text };
  return {
    level: "warning",
    subject: "version",
    detail: `${text} is older than what Holdfast is tested with`,
    remedy: "upgrade to Redis 7 or later",
  };
}

function role(info: Info): Finding {
  const text = info.get("role") ?? "unknown";
  if (text === "master") return { level: "ok", subject: "role", detail: "master" };
  return {
    level: "danger",
    subject: "role",
    detail: `${text}: it takes no writes, so nothing can be locked`,
    remedy: "connect to the master, or through redis+sentinel://",
  };
}

function eviction(info: Info): Finding {
  const subject = "eviction";
  const policy = info.get("maxmemory_policy") ?? "unknown";
  const bounded = info.get("maxmemory") !== "0";
  if (policy === "noeviction") {
    return { level: "ok", subject, detail: "noeviction: when memory is full, locks fail and none is forgotten" };
  }
  const whichAre = policy.startsWith("volatile-") ? "locks (all have an expiry)" : "locks and records";
  return {
    level: bounded ? "danger" : "warning",
    subject,
    detail: `${policy}: ${bounded ? "" : "once maxmemory is set, "}a full memory evicts ${whichAre} that are in use`,
    remedy: "CONFIG SET maxmemory-policy noeviction",
  };
}

async function persistence(send: Send, info: Info): Promise<Finding> {
  const subject = "persistence";
  const appends = info.get("aof_enabled") === "1";
  const fsync = await setting(send, "appendfsync");
  const save = await setting(send, "save");
  if (appends && fsync === "always") {
    return { level: "ok", subject, detail: "appendonly, appendfsync always: a restart forgets nothing it has answered" };
  }
  if (appends) {
    const lost = fsync === null ? "some of the last writes (CONFIG is forbidden here)" : "up to a second of writes";
    return {
      level: "warning",
      subject,
      detail: `appendonly, appendfsync ${fsync ?? "unknown"}: a crash of its machine may forget ${lost}, locks among them`,
      remedy: "fence writes; or CONFIG SET appendfsync always",
    };
  }
  const snapshots =
    save === null ? "perhaps snapshots (CONFIG is forbidden here)" : save === "" ? "nothing is kept" : "snapshots only";
  return {
    level: "warning",
    subject,
    detail: `${snapshots}: a restart may forget every lock and record since`,
    remedy: "fence writes; for records CONFIG SET appendonly yes",
  };
}

function replication(info: Info): Finding {
  const subject = "replication";
  const replicas = Number(info.get("connected_slaves") ?? 0);
  if (replicas === 0) {
    return { level: "ok", subject, detail: "no replica: without the server there are no locks, but none is held twice" };
  }
  return {
    level: "warning",
    subject,
    detail:
      `${replicas} replica${replicas > 1 ? "s" : ""}, asynchronous: a failover may forget the last locks granted, ` +
      "which then are granted again, and the last writes",
    remedy: "fence every write that must not be made by two holders",
  };
}

async function scripting(send: Send): Promise<Finding> {
  const subject = "scripts";
  try {
    await send(["EVAL", "return 1", "0"]);
    return { level: "ok", subject, detail: "permitted" };
  } catch (cause) {
    return {
      level: "danger",
      subject,
      detail: `refused: ${cause instanceof Error ? cause.message : String(cause)}`,
      remedy: "permit EVAL, EVALSHA and SCRIPT LOAD to this user",
    };
  }
}

async function clusterState(send: Send): Promise<Finding> {
  const info = parseInfo(await send(["CLUSTER", "INFO"]));
  const state = info.get("cluster_state") ?? "unknown";
  const detail = `${state}, ${info.get("cluster_slots_ok") ?? "?"} of 16384 slots served by ${info.get("cluster_size") ?? "?"} masters`;
  if (state === "ok") return { level: "ok", subject: "cluster", detail };
  return {
    level: "danger",
    subject: "cluster",
    detail,
    remedy: "redis-cli --cluster check, and --cluster fix",
  };
}

/** A grant that is handed over is dated by the node that has the lock; a process knows only one store's clock. */
async function clusterClocks(masters: readonly Send[]): Promise<Finding> {
  const subject = "cluster clocks";
  const times = await Promise.all(
    masters.map(async (send) => {
      const [seconds, micros] = (await send(["TIME"])) as readonly string[];
      return Number(seconds) * 1000 + Number(micros) / 1000;
    }),
  );
  const apart = Math.round(Math.max(...times) - Math.min(...times));
  if (apart <= SKEW_MAX_MS) return { level: "ok", subject, detail: `within ${apart} ms of each other` };
  return {
    level: "warning",
    subject,
    detail: `up to ${apart} ms apart, so that a grant delayed on its way may be trusted that much too long`,
    remedy: "run NTP on all nodes",
  };
}

type Info = ReadonlyMap<string, string>;

async function infoOf(send: Send): Promise<Info> {
  return parseInfo(await send(["INFO"]));
}

function parseInfo(text: unknown): Info {
  const lines = String(text).split("\r\n").map((line) => line.split(/:(.*)/s) as [string, string]);
  return new Map(lines);
}

/** Null where CONFIG is forbidden, as many hosted servers have it. */
async function setting(send: Send, name: string): Promise<string | null> {
  try {
    const reply = await send(["CONFIG", "GET", name]);
    if (Array.isArray(reply)) return String(reply[1] ?? "");
    if (reply instanceof Map) return String(reply.get(name) ?? "");
    return String((reply as Record<string, unknown>)[name] ?? "");
  } catch {
    return null;
  }
}
