import { hostname } from "node:os";
import type { Owner } from "./backend.ts";
import type { Clock } from "./clock.ts";
import type { Fairness } from "./locks/options.ts";
import type { MeasureOptions } from "./measures/registry.ts";

export interface CoordinatorOptions {
  /** Separates applications on one store. 1 … 64 of letters, digits and `. _ -`; default `holdfast`. */
  readonly namespace?: string;
  /** How long a lease lasts without renewal, in ms; 50 … 86,400,000, default 10,000. */
  readonly ttlMs?: number;
  /** See {@link Fairness}; default `local`. */
  readonly fair?: Fairness;
  /** What operators see beside host and pid, for instance the service's name. At most 256 characters. */
  readonly label?: string;
  readonly metadata?: { readonly [name: string]: string };
  /** A waiter that was handed a lock must show that it lives within this time; default 2,000 ms. */
  readonly claimMs?: number;
  /** Who waits asks again at least this often, in case a message was lost; default 3,000 ms. */
  readonly fallbackMs?: number;
  /** How long the store may take to answer one call; default 5,000 ms. */
  readonly callMs?: number;
  /** Counts from the beginning what `measures()` tells. `{}`: with the defaults. */
  readonly measures?: MeasureOptions;
  /** Time, chance and identity. For simulations. */
  readonly clock?: Clock;
}

export interface KindOptions {
  readonly fair?: Fairness;
}

export interface ListLocksOptions {
  readonly prefix?: string;
}

export interface ForceReleaseOptions {
  /** Why; kept with who and when in the resource's audit trail. 1 … 1,024 bytes. */
  readonly reason: string;
  /** Only the place with this lease id; default: all holders. */
  readonly leaseId?: string;
}

export function checkNamespace(namespace: string): string {
  if (typeof namespace !== "string" || !/^[\w.-]{1,64}$/.test(namespace)) {
    throw new RangeError(
      `namespace must be 1 to 64 letters, digits, ".", "_" or "-", not "${String(namespace)}"`,
    );
  }
  return namespace;
}

export function checkFairness(fair: Fairness): Fairness {
  if (fair !== "local" && fair !== "strict") {
    throw new TypeError(`fair must be "local" or "strict", not "${String(fair)}"`);
  }
  return fair;
}

export function ownerOf({ label, metadata }: CoordinatorOptions): Owner {
  if (label !== undefined && (typeof label !== "string" || label.length > 256)) {
    throw new RangeError("label must be text of at most 256 characters");
  }
  if (metadata !== undefined && JSON.stringify(metadata).length > 1_024) {
    throw new RangeError("metadata must have at most 1,024 characters as JSON");
  }
  return {
    host: hostname(),
    pid: process.pid,
    ...(label === undefined ? {} : { label }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}
