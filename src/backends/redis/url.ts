/** Where servers are and how to log in, as a URL says. */
export interface Target {
  readonly kind: "single" | "sentinel" | "cluster";
  /** The server, the sentinels, or some nodes of the cluster. */
  readonly nodes: readonly Node[];
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  /** Of sentinels: the name of the master. */
  readonly master?: string;
  readonly sentinelUsername?: string;
  readonly sentinelPassword?: string;
}

interface Node {
  readonly host: string;
  readonly port: number;
}

const FORM = new RegExp(
  String.raw`^(rediss?)(?:\+(sentinel|cluster))?://` +
    String.raw`(?:([^@/?#]*)@)?([^@/?#]+)(?:/([^?#]*))?(?:\?([^#]*))?$`,
);
const NODE = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i;
const SENTINEL_OPTIONS = ["sentinelUsername", "sentinelPassword"] as const;
const EXPECTED =
  "expected redis://[user:password@]host[:port][/db], rediss://… for TLS, " +
  "redis+sentinel://[user:password@]host[:port],host[:port]/master[/db]" +
  "[?sentinelUsername=…&sentinelPassword=…] or " +
  "redis+cluster://[user:password@]host[:port],host[:port]";

/** @throws TypeError that shows the forms, but never the URL itself, which may hold a password. */
export function parseUrl(url: string): Target {
  const match = FORM.exec(url) ?? refuse("it has no such form");
  const [, scheme, topology, login, hosts = "", path = "", query = ""] = match;
  const kind = topology === "sentinel" || topology === "cluster" ? topology : "single";
  const nodes = hosts.split(",").map((text) => node(text, kind === "sentinel" ? 26379 : 6379));
  if (kind === "single" && nodes.length > 1) {
    refuse("several hosts need redis+sentinel:// or redis+cluster://");
  }
  const parts = path === "" ? [] : path.split("/").map(decode);
  const master = kind === "sentinel" ? parts.shift() : undefined;
  if (kind === "sentinel" && !master) refuse("the master's name is missing");
  const db = databaseOf(parts.shift());
  if (parts.length > 0) refuse("its path is too long");
  if (kind === "cluster" && db !== 0) refuse("a cluster has no other database than 0");
  return {
    kind,
    nodes,
    tls: scheme === "rediss",
    db,
    ...(login === undefined ? {} : credentialsOf(login)),
    ...(master === undefined ? {} : { master }),
    ...optionsOf(query, kind === "sentinel" ? SENTINEL_OPTIONS : []),
  };
}

function optionsOf(query: string, known: readonly string[]): Readonly<Record<string, string>> {
  const options = Object.fromEntries(new URLSearchParams(query));
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) refuse(`option "${name}" is not known`);
  }
  return options;
}

function refuse(why: string): never {
  throw new TypeError(`Redis URL: ${why}; ${EXPECTED}`);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse("write % as %25");
  }
}

function node(text: string, defaultPort: number): Node {
  const [, host = "", port] = NODE.exec(text) ?? refuse("a host is malformed");
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port ?? defaultPort) };
}

function databaseOf(text: string | undefined): number {
  if (text === undefined || text === "") return 0;
  return /^\d{1,5}$/.test(text) ? Number(text) : refuse("the database is not a number");
}

/** A password alone may stand with or without the colon before it, as redis-cli takes it. */
function credentialsOf(login: string): { username?: string; password?: string } {
  const at = login.indexOf(":");
  const username = decode(at < 0 ? "" : login.slice(0, at));
  const password = decode(login.slice(at + 1));
  return { ...(username === "" ? {} : { username }), ...(password === "" ? {} : { password }) };
}
