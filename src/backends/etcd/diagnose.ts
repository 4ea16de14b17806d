import type { Finding } from "../../backend.ts";
import type { Gateway } from "./gateway.ts";

interface Status {
  readonly version?: string;
  readonly leader?: string;
  readonly dbSize?: string;
  readonly errors?: readonly string[];
}

interface Members {
  readonly members?: readonly { readonly name?: string; readonly isLearner?: boolean }[];
}

export async function diagnose(gateway: Gateway): Promise<readonly Finding[]> {
  const [status, { members = [] }] = await Promise.all([
    gateway.call<Status>("/v3/maintenance/status", {}),
    gateway.call<Members>("/v3/cluster/member/list", {}),
  ]);
  const version = { level: "ok", subject: "version", detail: `etcd ${status.version ?? "unknown"}` } as const;
  return [version, ...leaderOf(status), membersOf(members.length), ...alarmsOf(status)];
}

function leaderOf({ leader = "0" }: Status): readonly Finding[] {
  if (leader !== "0") return [];
  const detail = "the cluster has no leader: nothing is granted or renewed";
  return [{ level: "danger", subject: "leader", detail, remedy: "Bring a majority of the members back." }];
}

function membersOf(count: number): Finding {
  const detail = `${count} member${count === 1 ? "" : "s"}`;
  if (count >= 3) return { level: "ok", subject: "members", detail };
  return {
    level: "warning",
    subject: "members",
    detail: `${detail}: when one is down, so are the locks`,
    remedy: "Run three or five members.",
  };
}

function alarmsOf({ errors = [] }: Status): readonly Finding[] {
  return errors.map((detail) => ({
    level: "danger",
    subject: "alarm",
    detail,
    remedy: "See `etcdctl alarm list`. With NOSPACE nothing can be locked: compact, defragment, disarm.",
  }));
}
