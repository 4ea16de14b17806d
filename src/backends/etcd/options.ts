import type { SecureContextOptions } from "node:tls";

/** Where the cluster is, and how to log in. */
export interface EtcdOptions {
  /** Client URLs of its members, `http://host:2379` or `https://host:2379`; several for fail-over. */
  readonly endpoints: readonly string[];
  readonly user?: string;
  readonly password?: string;
  /** A token of one's own, such as a JWT, instead of user and password. */
  readonly token?: string;
  /** For `https:`: `ca`, and `cert` with `key` where the cluster wants to know its clients. */
  readonly tls?: SecureContextOptions;
}

const DEFAULT_PORT = 2379;
const EXPECTED =
  "expected etcd://[user:password@]host[:port][,host[:port]…], or etcds:// for TLS; " +
  'certificates are given in a program: etcd({ endpoints: ["https://…"], tls: { ca } })';

/** @throws TypeError that shows the form, but never the URL itself, which may hold a password. */
export function optionsFromUrl(url: string): EtcdOptions {
  const [, scheme, login, hosts = ""] = /^(etcds?):\/\/(?:([^@/]*)@)?([^@/?#]+)\/?$/.exec(url) ?? [];
  if (scheme === undefined) throw new TypeError(`this etcd URL cannot be used: ${EXPECTED}`);
  const protocol = scheme === "etcds" ? "https" : "http";
  const endpoints = hosts.split(",").map((host) => {
    const [, name, port] = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i.exec(host) ?? [];
    if (name === undefined) throw new TypeError(`this etcd URL has no host where one should be: ${EXPECTED}`);
    return `${protocol}://${name}:${port ?? DEFAULT_PORT}`;
  });
  if (login === undefined) return { endpoints };
  const [user = "", password = ""] = login.split(":", 2).map(decodeURIComponent);
  return { endpoints, user, password };
}

/** @throws TypeError before any I/O */
export function checkOptions(options: EtcdOptions): EtcdOptions {
  const { endpoints, user, password } = options;
  if (!Array.isArray(endpoints) || endpoints.length === 0) {
    throw new TypeError('etcd takes endpoints: etcd({ endpoints: ["http://127.0.0.1:2379"] })');
  }
  for (const endpoint of endpoints) {
    if (!/^https?:\/\/[^/@]+\/?$/.test(endpoint)) {
      throw new TypeError(
        `an endpoint is a URL such as http://127.0.0.1:2379, not "${endpoint.replace(/\/\/.*@/, "//***@")}"`,
      );
    }
  }
  if ((user === undefined) !== (password === undefined)) {
    throw new TypeError("etcd takes user and password together, or neither");
  }
  return options;
}
