import type { ZooKeeperOptions } from "./options.ts";

const FORM = /^zookeeper(\+tls)?:\/\/(?:([^/@]*)@)?([^/?#@]+)(\/[^?#]*)?(?:\?([^#]*))?$/;

/**
 * `zookeeper://user:password@a:2181,b,c/chroot?sessionTimeoutMs=10000`; `zookeeper+tls:` is encrypted.
 * @throws TypeError if it has another form
 */
export function parseUrl(url: string): { readonly servers: string; readonly options: ZooKeeperOptions } {
  const match = FORM.exec(url);
  if (match === null) {
    throw new TypeError("not a URL: write zookeeper://host1:2181,host2:2181,host3:2181/chroot");
  }
  const [, tls, user, servers, path, query] = match;
  const options: { -readonly [Name in keyof ZooKeeperOptions]: ZooKeeperOptions[Name] } = {};
  if (tls !== undefined) options.tls = true;
  if (user !== undefined) options.digest = decodeURIComponent(user);
  if (path !== undefined) options.chroot = decodeURIComponent(path);
  for (const [name, value] of new URLSearchParams(query ?? "")) {
    if (name !== "sessionTimeoutMs") {
      throw new TypeError(`there is no "${name}" in a zookeeper: URL, only sessionTimeoutMs`);
    }
    options.sessionTimeoutMs = Number(value);
  }
  return { servers: servers!, options };
}
