import type { LockBackend } from "../../backend.ts";
import { EtcdBackend } from "./etcd-backend.ts";
import { Gateway } from "./gateway.ts";
import { checkOptions, optionsFromUrl, type EtcdOptions } from "./options.ts";

export type { EtcdOptions } from "./options.ts";

/** Locks in etcd 3.4 or later, over its JSON gateway: no client package is needed. @throws TypeError */
export function etcd(options: EtcdOptions): LockBackend {
  return new EtcdBackend(new Gateway(checkOptions(options)));
}

/** `etcd://host:2379,host:2379`, or `etcds://` for TLS. @throws TypeError */
export function etcdFromUrl(url: string): LockBackend {
  return etcd(optionsFromUrl(url));
}
