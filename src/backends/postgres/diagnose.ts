import type { Finding } from "../../backend.ts";
import type { Calls } from "./calls.ts";
import type { Durability } from "./durability.ts";

const QUESTIONS = `
SELECT current_setting('server_version') AS version,
  current_setting('server_version_num')::int AS version_number,
  current_setting('default_transaction_isolation') AS isolation,
  current_setting('synchronous_commit') AS synchronous_commit,
  current_setting('fsync') AS fsync,
  current_setting('synchronous_standby_names') AS standbys,
  current_setting('server_encoding') AS encoding,
  pg_is_in_recovery() AS in_recovery,
  (SELECT count(*)::int FROM pg_stat_replication) AS replicas`;

interface Facts {
  readonly version: string;
  readonly version_number: number;
  readonly isolation: string;
  readonly synchronous_commit: string;
  readonly fsync: string;
  readonly standbys: string;
  readonly encoding: string;
  readonly in_recovery: boolean;
  readonly replicas: number;
}

/** What `holdfast doctor` says about a server, and what follows for safety. */
export async function diagnose(
  calls: Calls,
  { isListening, locks }: { readonly isListening: boolean; readonly locks: Durability },
): Promise<readonly Finding[]> {
  const [row] = await calls.run("diagnose", { text: QUESTIONS, values: [] });
  const facts = row as unknown as Facts;
  return [
    version(facts),
    role(facts),
    encoding(facts),
    isolation(facts),
    durability(facts, locks),
    replication(facts, locks),
    pooler(calls.isDirect, isListening),
    { level: "ok", subject: "clock", detail: "leases expire by the server's clock (clock_timestamp)" },
  ];
}

function version({ version, version_number }: Facts): Finding {
  const subject = "version";
  if (version_number >= 140_000) return { level: "ok", subject, detail: version };
  return {
    level: "danger",
    subject,
    detail: `${version} is older than what Holdfast's functions are written for`,
    remedy: "upgrade to PostgreSQL 14 or later",
  };
}

function role({ in_recovery }: Facts): Finding {
  if (!in_recovery) return { level: "ok", subject: "role", detail: "primary" };
  return {
    level: "danger",
    subject: "role",
    detail: "a standby: it takes no writes, so nothing can be locked",
    remedy: "connect to the primary, for instance with target_session_attrs=read-write",
  };
}

function encoding({ encoding }: Facts): Finding {
  const subject = "encoding";
  if (encoding === "UTF8") return { level: "ok", subject, detail: encoding };
  return {
    level: "danger",
    subject,
    detail: `${encoding}: not every name and value can be kept`,
    remedy: "CREATE DATABASE … ENCODING 'UTF8'",
  };
}

function isolation({ isolation }: Facts): Finding {
  const subject = "isolation";
  if (isolation === "read committed") return { level: "ok", subject, detail: isolation };
  return {
    level: "warning",
    subject,
    detail: `${isolation} is this role's default: steps on one lock fail each other and are made again`,
    remedy: "ALTER ROLE … SET default_transaction_isolation = 'read committed' for Holdfast's role",
  };
}

function durability({ fsync, synchronous_commit }: Facts, locks: Durability): Finding {
  const subject = "durability";
  if (fsync !== "on") {
    return {
      level: "danger",
      subject,
      detail: "fsync is off: a crash of its machine may forget or destroy everything",
      remedy: "fsync = on",
    };
  }
  if (locks === "relaxed") {
    const isAsync = synchronous_commit === "off";
    const risk = isAsync ? ", and the last records, since synchronous_commit is off" : "";
    return {
      level: isAsync ? "warning" : "ok",
      subject,
      detail:
        `relaxed: a crash forgets all locks${risk}; ` +
        "then nothing is granted until the longest lease has passed",
      ...(!isAsync ? {} : { remedy: "ALTER ROLE … SET synchronous_commit = on for Holdfast's role" }),
    };
  }
  if (synchronous_commit === "off") {
    return {
      level: "danger",
      subject,
      detail:
        "synchronous_commit is off: a crash may forget the last locks granted, which are then granted again",
      remedy: "ALTER ROLE … SET synchronous_commit = on for Holdfast's role; or fence every write",
    };
  }
  const detail = `synchronous_commit ${synchronous_commit}: a crash forgets nothing it has answered`;
  return { level: "ok", subject, detail };
}

function replication({ replicas, standbys, synchronous_commit }: Facts, locks: Durability): Finding {
  const subject = "replication";
  if (replicas === 0 && standbys === "") {
    const detail = "no standby: without the server there are no locks, but none is held twice";
    return { level: "ok", subject, detail };
  }
  if (standbys !== "" && synchronous_commit !== "off" && synchronous_commit !== "local") {
    return { level: "ok", subject, detail: `synchronous: ${standbys}` };
  }
  const forgotten =
    locks === "relaxed"
      ? "the last writes"
      : "the last locks granted, which then are granted again, and the last writes";
  return {
    level: "warning",
    subject,
    detail:
      `${replicas} standby${replicas === 1 ? "" : "s"}, asynchronous: ` +
      `a failover may forget ${forgotten}`,
    remedy: "synchronous_standby_names; or fence every write that must not be made by two holders",
  };
}

function pooler(isDirect: boolean, isListening: boolean): Finding {
  const subject = "pooler";
  if (isDirect) return { level: "ok", subject, detail: "none: sessions are the server's own" };
  if (isListening) {
    return { level: "ok", subject, detail: "there is one; grants are heard by a direct connection" };
  }
  return {
    level: "warning",
    subject,
    detail: "there is one, through which no notification comes: waiters find their grants by asking",
    remedy: "give the option listenUrl (or ?listen= in the URL): the address of the server itself",
  };
}
