import type { LockBackend } from "../../backend.ts";
import { checked, type ZooKeeperOptions } from "./options.ts";
import { parseUrl } from "./url.ts";
import { ZooKeeperBackend } from "./zookeeper-backend.ts";

export type { ZooKeeperOptions } from "./options.ts";

/**
 * Locks on a ZooKeeper ensemble, 3.5 or later: `zookeeper("a:2181,b:2181,c:2181")`. Needs no client
 * installed. It keeps no records: give `Coordinator` another store for them, or none.
 *
 * Curator's processes on the same path are excluded, and exclude: see the backend's page.
 *
 * @throws TypeError, RangeError on a server, path or option of another form
 */
export function zookeeper(servers: string, options: ZooKeeperOptions = {}): LockBackend {
  if (typeof servers !== "string" || servers === "") {
    throw new TypeError('zookeeper() takes a list of servers, for instance zookeeper("a:2181,b,c")');
  }
  return new ZooKeeperBackend(checked(servers, options));
}

/**
 * Locks on the ensemble at a `zookeeper:` or `zookeeper+tls:` URL.
 * @throws TypeError if the URL has another form
 */
export function zookeeperFromUrl(url: string): LockBackend {
  const { servers, options } = parseUrl(url);
  return zookeeper(servers, options);
}
