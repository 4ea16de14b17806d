import type { Admission, Grant, Place, Renewal, Reply } from "../../backend.ts";
import { overlaps, type Hold } from "../history.ts";
import type { Step } from "./program.ts";

interface Seen {
  readonly leaseId: string;
  readonly resource: string;
  readonly token: number;
  readonly from: number;
  to: number;
  /** Of the whole capacity. */
  readonly share: number;
}

/** Readers of a lock for ALL weigh one in a thousand million; this is less, and more than rounding errors. */
const ROUNDING = 1e-10;

/**
 * Writes down who held what, and when, from a store's answers alone; knows nothing of the model. At the end,
 * nobody may have held what was held by others.
 */
export class Observer {
  /** By lease id; the last, where a store has forgotten that the id was used before. */
  readonly #seen = new Map<string, Seen>();
  readonly #before: Seen[] = [];
  readonly #asked = new Set<string>();
  readonly #tokens = new Map<string, number>();

  /** Returns what is wrong with the answer, in words. */
  answered(step: Step, answer: unknown, now: number): string | undefined {
    if (step.do === "admit") {
      const { results } = answer as Reply<Admission>;
      for (const [at, result] of results.entries()) {
        const request = step.requests[at];
        if (request === undefined) continue;
        const { resource, leaseId, permits, capacity, steal } = request;
        const first = !this.#asked.has(leaseId);
        this.#asked.add(leaseId);
        if (result.kind === "waiting") this.#archive(leaseId);
        if (result.kind !== "granted" || this.#seen.get(leaseId)?.token === result.token) continue;
        if (steal === true) this.#endAll(resource, now);
        const last = this.#tokens.get(resource) ?? 0;
        // A grant that was handed over is seen later than it was made, perhaps after later ones.
        if (first && result.token <= last) return `token ${result.token} of ${leaseId}, after ${last}`;
        this.#granted(resource, leaseId, result, now, permits / capacity);
      }
    } else if (step.do === "renew") {
      const { results } = answer as Reply<Renewal>;
      for (const [at, result] of results.entries()) {
        const seen = this.#seen.get(step.requests[at]?.leaseId ?? "");
        if (seen === undefined || result.kind !== "renewed") continue;
        if (seen.to <= now) return `${step.requests[at]?.leaseId} is renewed after its end`;
        seen.to = result.expiresAt;
      }
    } else if (step.do === "release") {
      for (const { leaseId } of step.requests) this.#end(leaseId, now);
    } else if (step.do === "revoke") {
      for (const { leaseId } of answer as readonly Place[]) this.#end(leaseId, now);
    }
    return undefined;
  }

  /** Moments at which more was held than there is, in words. */
  violations(): readonly string[] {
    const holds = new Map<string, Hold[]>();
    for (const { leaseId: who, resource, from, to, share } of [...this.#before, ...this.#seen.values()]) {
      const list = holds.get(resource) ?? [];
      list.push({ who, from, to, permits: share });
      holds.set(resource, list);
    }
    return [...holds].flatMap(([resource, list]) =>
      overlaps(list, 1 + ROUNDING).map(
        ({ at, holders }) => `${resource} is held by ${holders.join(", ")} at ${at}`,
      ),
    );
  }

  #granted(resource: string, leaseId: string, grant: Grant, now: number, share: number): void {
    this.#tokens.set(resource, Math.max(grant.token, this.#tokens.get(resource) ?? 0));
    this.#archive(leaseId);
    const { token, expiresAt: to } = grant;
    this.#seen.set(leaseId, { leaseId, resource, token, from: now, to, share });
  }

  /** A new place begins under this id. */
  #archive(leaseId: string): void {
    const before = this.#seen.get(leaseId);
    if (before !== undefined) this.#before.push(before);
    this.#seen.delete(leaseId);
  }

  #end(leaseId: string, now: number): void {
    const seen = this.#seen.get(leaseId);
    if (seen !== undefined) seen.to = Math.min(seen.to, now);
  }

  #endAll(resource: string, now: number): void {
    for (const seen of this.#seen.values()) {
      if (seen.resource === resource) seen.to = Math.min(seen.to, now);
    }
  }
}
