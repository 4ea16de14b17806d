import type { Listener } from "../../backend.ts";

/** More are forgotten, which costs no more than a round trip. */
const KNOWN_MAX = 1_000;

/** Locks on which the plain case was not the case lately: there the procedure is asked at once. */
export class Crowded {
  readonly #names = new Set<string>();

  has(resource: string): boolean {
    return this.#names.has(resource);
  }

  saw(resource: string, isCrowded: boolean): void {
    if (!isCrowded) {
      this.#names.delete(resource);
      return;
    }
    if (this.#names.size >= KNOWN_MAX) this.#names.clear();
    this.#names.add(resource);
  }

  /** The same listener, which tells us too. */
  overhearing(listener: Listener): Listener {
    return {
      granted: (resource, leaseId, grant) => {
        this.saw(resource, grant.waiting > 0);
        listener.granted(resource, leaseId, grant);
      },
      revoked: (resource, leaseId, reason) => listener.revoked(resource, leaseId, reason),
      contended: (resource) => {
        this.saw(resource, true);
        listener.contended(resource);
      },
      look: (resource, at) => listener.look(resource, at),
    };
  }
}
