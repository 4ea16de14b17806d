import type { Clock } from "../../clock.ts";
import type { Address, Tls } from "./client/connection.ts";

export interface ZooKeeperOptions {
  /**
   * How long the servers keep the nodes of a process that died or is cut off, in ms: 500 … 3,600,000,
   * default 10,000. Servers bound it to 2 … 20 of their ticks unless told otherwise. A lease lasts no longer
   * than this without news of the servers, whatever its `ttlMs`.
   */
  readonly sessionTimeoutMs?: number;
  /** Encrypted, with these options of `node:tls`; true: with the system's authorities. */
  readonly tls?: Tls;
  /** `user:password`, sent as `digest`. Nodes are then made for these credentials alone. */
  readonly digest?: string;
  /** All paths are below this one. Default: the root. */
  readonly chroot?: string;
  /** For the times of leases; a test gives its own. Sessions are timed by the system's clock. */
  readonly clock?: Clock;
}

export interface CheckedOptions {
  readonly servers: readonly Address[];
  readonly sessionTimeoutMs: number;
  readonly tls: Tls;
  readonly digest: string | undefined;
  readonly chroot: string;
  readonly clock: Clock | undefined;
}

const PORT = 2_181;
const TIMEOUT_MS = 10_000;
const TIMEOUT_MIN_MS = 500;
const TIMEOUT_MAX_MS = 3_600_000;

/** @throws TypeError, RangeError that name what to write instead */
export function checked(servers: string, options: ZooKeeperOptions): CheckedOptions {
  const { sessionTimeoutMs = TIMEOUT_MS, tls = false, digest, chroot = "", clock } = options;
  if (!(sessionTimeoutMs >= TIMEOUT_MIN_MS && sessionTimeoutMs <= TIMEOUT_MAX_MS)) {
    throw new RangeError(
      `sessionTimeoutMs is a number of ms from ${TIMEOUT_MIN_MS} to ${TIMEOUT_MAX_MS}, ` +
        `not ${String(sessionTimeoutMs)}`,
    );
  }
  if (digest !== undefined && !digest.includes(":")) {
    throw new TypeError("digest is user:password, and there is no colon in it");
  }
  const path = chroot.replace(/\/+$/, "");
  if (path !== "" && !/^(?:\/(?!\.{1,2}(?:\/|$))[^/\p{Cc}]+)+$/u.test(path)) {
    throw new TypeError(`the chroot is an absolute path such as /apps/crm, not "${chroot}"`);
  }
  return { servers: addresses(servers), sessionTimeoutMs, tls, digest, chroot: path, clock };
}

function addresses(text: string): readonly Address[] {
  return text.split(",").map((each) => {
    const [, host, port = String(PORT)] = /^(\[[\da-f:.]+\]|[^:/@\s[\]]+)(?::(\d{1,5}))?$/i.exec(each) ?? [];
    if (host === undefined || Number(port) > 65_535) {
      throw new TypeError(`"${each}" is no server: write zookeeper://host1:2181,host2,host3/chroot`);
    }
    return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
  });
}
