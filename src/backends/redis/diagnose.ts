import type { Finding } from "../../backend.ts";
import type { Connection, Send } from "./client.ts";

/** Clocks of a cluster's nodes that differ more than this make handed-over grants less exact. */
const SKEW_MAX_MS = 20;

/** What `holdfast doctor` says about a server, and what follows for safety. */
export async function diagnose(connection: Connection): Promise<readonly Finding[]> {
  const masters = await connection.masters();
  const nodes = await Promise.all(masters.map(diagnoseNode));
  const findings = nodes.flatMap((found, index) =>
    found.map((finding) => ({
      ...finding,
      subject: nodes.length > 1 ? `${finding.subject} of node ${index + 1}` : finding.subject,
    })),
  );
  if (!connection.isCluster) return findings;
  return [...findings, await clusterState(masters[0]!), await clusterClocks(masters)];
}

async function diagnoseNode(send: Send): Promise<readonly Finding[]> {
  const info = parseInfo(await send(["INFO"]));
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
  const subject = "version";
  const compatible = info.get("redis_version") ?? "unknown";
  const detail = info.has("valkey_version") ? `Valkey ${info.get("valkey_version")}` : compatible;
  if (Number.parseInt(compatible, 10) >= 6) return ok(subject, detail);
  return {
    level: "warning",
    subject,
    detail: `${detail} is older than what Holdfast is tested with`,
    remedy: "upgrade to Redis 7 or later",
  };
}

function role(info: Info): Finding {
  const subject = "role";
  const found = info.get("role") ?? "unknown";
  if (found === "master") return ok(subject, found);
  return {
    level: "danger",
    subject,
    detail: `${found}: it takes no writes, so nothing can be locked`,
    remedy: "connect to the master, or through redis+sentinel://",
  };
}

function eviction(info: Info): Finding {
  const subject = "eviction";
  const policy = info.get("maxmemory_policy") ?? "unknown";
  if (policy === "noeviction") {
    return ok(subject, "noeviction: when memory is full, locks fail and none is forgotten");
  }
  const isBounded = info.get("maxmemory") !== "0";
  const when = isBounded ? "a full memory evicts" : "once maxmemory is set, a full memory evicts";
  // Locks have an expiry, records have none.
  const what = policy.startsWith("volatile-") ? "locks" : "locks and records";
  return {
    level: isBounded && policy.startsWith("allkeys-") ? "danger" : "warning",
    subject,
    detail: `${policy}: ${when} ${what} that are in use`,
    remedy: "CONFIG SET maxmemory-policy noeviction",
  };
}

async function persistence(send: Send, info: Info): Promise<Finding> {
  const subject = "persistence";
  const fsync = (await setting(send, "appendfsync")) ?? "unknown, since CONFIG is forbidden";
  if (info.get("aof_enabled") === "1") {
    if (fsync === "always") {
      return ok(subject, "appendonly, appendfsync always: a restart forgets nothing it answered");
    }
    return {
      level: "warning",
      subject,
      detail: `appendonly, appendfsync ${fsync}: a crash may forget the last second`,
      remedy: "fence writes; or CONFIG SET appendfsync always",
    };
  }
  const save = await setting(send, "save");
  const kept = save === null ? "no appendonly file" : save === "" ? "nothing" : "snapshots only";
  return {
    level: "warning",
    subject,
    detail: `${kept}: a restart may forget every lock and record since the last snapshot, if any`,
    remedy: "fence writes; and for the sake of records CONFIG SET appendonly yes",
  };
}

function replication(info: Info): Finding {
  const subject = "replication";
  const replicas = Number(info.get("connected_slaves") ?? 0);
  if (replicas === 0) {
    return ok(subject, "no replica: without the server there are no locks, but none is held twice");
  }
  return {
    level: "warning",
    subject,
    detail:
      `followed by ${replicas} asynchronously: a failover may forget the last writes, and the ` +
      "last locks granted, which then are granted again",
    remedy: "fence every write that must not be made by two holders",
  };
}

async function scripting(send: Send): Promise<Finding> {
  const subject = "scripts";
  try {
    await send(["EVAL", "return 1", "0"]);
    return ok(subject, "permitted");
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
  const subject = "cluster";
  const info = parseInfo(await send(["CLUSTER", "INFO"]));
  const [state, slots, size] = ["cluster_state", "cluster_slots_ok", "cluster_size"].map(
    (name) => info.get(name) ?? "unknown",
  );
  const detail = `${state}, ${slots} of 16384 slots served by ${size} masters`;
  if (state === "ok") return ok(subject, detail);
  const remedy = "redis-cli --cluster check, then --cluster fix";
  return { level: "danger", subject, detail, remedy };
}

/** A grant handed over is dated by its lock's node, but a process knows one store's clock only. */
async function clusterClocks(masters: readonly Send[]): Promise<Finding> {
  const subject = "cluster clocks";
  const times = await Promise.all(
    masters.map(async (send) => {
      const [seconds, micros] = (await send(["TIME"])) as readonly string[];
      return Number(seconds) * 1000 + Number(micros) / 1000;
    }),
  );
  const apart = Math.round(Math.max(...times) - Math.min(...times));
  if (apart <= SKEW_MAX_MS) return ok(subject, `within ${apart} ms of each other`);
  return {
    level: "warning",
    subject,
    detail: `up to ${apart} ms apart: a grant that is late may be trusted that much too long`,
    remedy: "run NTP on all nodes",
  };
}

const ok = (subject: string, detail: string): Finding => ({ level: "ok", subject, detail });

type Info = ReadonlyMap<string, string>;

function parseInfo(text: unknown): Info {
  const lines = String(text).split("\r\n");
  return new Map(lines.map((line) => line.split(/:(.*)/s) as [string, string]));
}

/** Null where CONFIG is forbidden, as on many hosted servers. Its form depends on the protocol. */
async function setting(send: Send, name: string): Promise<string | null> {
  try {
    const reply = await send(["CONFIG", "GET", name]);
    if (Array.isArray(reply)) return String(reply[1]);
    if (reply instanceof Map) return String(reply.get(name));
    return String((reply as Readonly<Record<string, unknown>>)[name]);
  } catch {
    return null;
  }
}
