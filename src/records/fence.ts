import type { Fence } from "../backend.ts";
import { StaleTokenError } from "../errors.ts";
import { HeldLease } from "../locks/lease.ts";

/** A lease, or what is left of one that travelled: to another process, or from another store. */
export interface FencedBy {
  readonly resource: string;
  readonly token: bigint;
}

/**
 * The guard that a lease puts on a write. A lease that this process has given back may have been passed on
 * inside the process, which the store cannot see: it is refused here.
 */
export function fenceOf(lease: FencedBy, key: string): Fence {
  if ("leases" in lease) {
    throw new TypeError("fence takes the lease of one lock: pass one of lease.leases, not all of them");
  }
  const { resource, token } = lease;
  if (typeof resource !== "string" || typeof token !== "bigint") {
    throw new TypeError("fence must be a lease, or { resource: string, token: bigint }");
  }
  if (lease instanceof HeldLease) {
    if (lease.isReleased) throw new StaleTokenError(key, resource, token);
    return { resource, token, shared: lease.shared };
  }
  return { resource, token, shared: false };
}
