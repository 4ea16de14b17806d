import type { Inspection } from "../../backend.ts";

/**
 * What must hold of a resource at any moment, whatever happened before. `fresh`: a step on the resource has
 * just been taken, so that nothing is left to clear away or to hand over. Returns what is broken, in words.
 */
export function brokenInvariant(inspection: Inspection, fresh: boolean): string | undefined {
  const { places, capacity, now } = inspection;
  let ahead = 0;
  let lastToken = 0;
  let someoneWaits = false;
  for (const { leaseId, permits, token, expiresAt } of places) {
    const fits = ahead + permits <= (capacity ?? 0);
    ahead += permits;
    if (expiresAt <= now) return `${leaseId} is shown though it has ended`;
    if (token === null) {
      if (fits && fresh) return `${leaseId} waits though the rule grants it`;
      someoneWaits = true;
      continue;
    }
    if (!fits) return `${leaseId} is granted beyond the capacity of ${capacity}`;
    if (someoneWaits) return `${leaseId} is granted ahead of an earlier waiter`;
    if (token <= lastToken) return `${leaseId} has token ${token}, not above ${lastToken}`;
    lastToken = token;
  }
  return undefined;
}
