import type { Finding } from "../../backend.ts";
import type { Calls } from "./calls.ts";

const VARIABLES = [
  "version",
  "read_only",
  "super_read_only",
  "innodb_read_only",
  "innodb_flush_log_at_trx_commit",
  "log_bin",
  "sync_binlog",
  "binlog_format",
  "rpl_semi_sync_master_enabled",
  "rpl_semi_sync_source_enabled",
  "wsrep_on",
  "max_connections",
  "tx_isolation",
  "transaction_isolation",
] as const;

type Facts = Readonly<Partial<Record<(typeof VARIABLES)[number] | "Threads_connected", string>>>;

/** What `holdfast doctor` says about a server, and what follows for safety. */
export async function diagnose(
  calls: Calls,
  { isListening }: { readonly isListening: boolean },
): Promise<readonly Finding[]> {
  const names = VARIABLES.map((name) => `'${name}'`).join(", ");
  const rows = [
    ...(await calls.run("diagnose", `SHOW VARIABLES WHERE Variable_name IN (${names})`)),
    ...(await calls.run("diagnose", "SHOW GLOBAL STATUS LIKE 'Threads_connected'")),
  ];
  const facts = Object.fromEntries(
    rows.map((row) => [String(row["Variable_name"]), String(row["Value"])]),
  ) as Facts;
  return [
    version(facts),
    role(facts),
    isolation(facts),
    durability(facts),
    replication(facts),
    connections(facts),
    wakeUp(isListening),
    { level: "ok", subject: "clock", detail: "leases expire by the server's clock (UTC_TIMESTAMP)" },
  ];
}

const isOn = (value: string | undefined): boolean => value === "ON" || value === "1";

function version({ version = "" }: Facts): Finding {
  const subject = "version";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isMaria = /mariadb/i.test(version);
  const isKnown = isMaria ? major > 10 || (major === 10 && minor >= 6) : major >= 8;
  if (isKnown) return { level: "ok", subject, detail: version };
  return {
    level: "danger",
    subject,
    detail: `${version} is older than what Holdfast's procedures are written for`,
    remedy: "upgrade to MariaDB 10.6 or MySQL 8.0, or later",
  };
}

function role(facts: Facts): Finding {
  const reasons = (["read_only", "super_read_only", "innodb_read_only"] as const).filter((name) =>
    isOn(facts[name]),
  );
  if (reasons.length === 0) return { level: "ok", subject: "role", detail: "takes writes" };
  return {
    level: "danger",
    subject: "role",
    detail: `${reasons.join(", ")} is on: a replica, or locked; nothing can be locked here`,
    remedy: "connect to the primary",
  };
}

function isolation(facts: Facts): Finding {
  const subject = "isolation";
  const level = facts.transaction_isolation ?? facts.tx_isolation ?? "unknown";
  if (isOn(facts.log_bin) && facts.binlog_format === "STATEMENT") {
    return {
      level: "danger",
      subject,
      detail: "binlog_format is STATEMENT, with which InnoDB refuses READ COMMITTED, and so every step",
      remedy: "binlog_format = ROW or MIXED",
    };
  }
  return { level: "ok", subject, detail: `READ COMMITTED in each step, whatever the default (${level})` };
}

function durability(facts: Facts): Finding {
  const subject = "durability";
  const flush = facts.innodb_flush_log_at_trx_commit ?? "1";
  if (flush === "0") {
    return {
      level: "danger",
      subject,
      detail:
        "innodb_flush_log_at_trx_commit is 0: a crash of the server may forget the last locks granted, " +
        "which are then granted again",
      remedy: "innodb_flush_log_at_trx_commit = 1; or fence every write",
    };
  }
  if (flush !== "1" && flush !== "3") {
    return {
      level: "warning",
      subject,
      detail:
        `innodb_flush_log_at_trx_commit is ${flush}: a crash of the server forgets nothing, but one of its ` +
        "machine may forget the last locks granted, which are then granted again",
      remedy: "innodb_flush_log_at_trx_commit = 1; or fence every write",
    };
  }
  if (isOn(facts.log_bin) && facts.sync_binlog !== "1") {
    return {
      level: "warning",
      subject,
      detail:
        `sync_binlog is ${facts.sync_binlog ?? "unknown"}: after a crash of the machine it and its ` +
        "replicas may not agree on the last locks granted",
      remedy: "sync_binlog = 1",
    };
  }
  return { level: "ok", subject, detail: "a crash forgets nothing that was answered" };
}

function replication(facts: Facts): Finding {
  const subject = "replication";
  if (isOn(facts.wsrep_on)) {
    return {
      level: "warning",
      subject,
      detail:
        "a Galera cluster: certified at commit, so nothing answered is forgotten; but two nodes that are " +
        "written to refuse each other's steps, and wake each other's waiters only by their asking",
      remedy: "let all processes connect to one and the same node",
    };
  }
  if (!isOn(facts.log_bin)) {
    const detail =
      "no binary log, so no replica: without the server there are no locks, but none is held twice";
    return { level: "ok", subject, detail };
  }
  if (isOn(facts.rpl_semi_sync_master_enabled) || isOn(facts.rpl_semi_sync_source_enabled)) {
    return {
      level: "warning",
      subject,
      detail: "semi-synchronous, until a replica is late: after its timeout the server goes on alone",
      remedy: "a timeout longer than any lease; or fence every write that must not be made by two holders",
    };
  }
  return {
    level: "warning",
    subject,
    detail:
      "a binary log without semi-synchronous replication: a failover to a replica may forget the last " +
      "locks granted, which then are granted again, and the last writes",
    remedy: "semi-synchronous replication; or fence every write that must not be made by two holders",
  };
}

function connections({ max_connections, Threads_connected }: Facts): Finding {
  const subject = "connections";
  const detail = `${Threads_connected ?? "?"} of ${max_connections ?? "?"}`;
  if (Number(Threads_connected) <= 0.8 * Number(max_connections)) return { level: "ok", subject, detail };
  return {
    level: "warning",
    subject,
    detail: `${detail}: soon the server turns processes away`,
    remedy: "raise max_connections; each process needs its pool and two more",
  };
}

function wakeUp(isListening: boolean): Finding {
  const subject = "wake-up";
  if (isListening) return { level: "ok", subject, detail: "a session of its own waits until there is mail" };
  return {
    level: "warning",
    subject,
    detail: "no session listens: waiters find their grants by asking, every fallbackMs",
    remedy: "give a pool of mysql2/promise itself, whose settings can be seen, or a URL",
  };
}
