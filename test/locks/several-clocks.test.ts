import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Coordinator } from "holdfast";
import type { LockBackend, Reply } from "holdfast/backend";
import { memory, MemoryStore } from "holdfast/memory";

const CLAIM_MS = 200;
/** Neither renewals nor fallback polls come between. */
const OPTIONS = { ttlMs: 60_000, fallbackMs: 60_000, claimMs: CLAIM_MS };
/** How far the second server's clock is ahead. */
const AHEAD_MS = 30_000;

/** Two servers that keep one part of the resources each, whose pushes take `delayMs`. */
function partitioned(servers: readonly MemoryStore[], delayMs: number): LockBackend {
  const parts = servers.map((server) => memory(server));
  const lane = (resource: string): string => (resource.startsWith("ahead") ? "1" : "0");
  const part = (resource = ""): LockBackend => parts[Number(lane(resource))]!;
  const call =
    <Request extends { readonly resource: string }, Result>(
      verb: (part: LockBackend, requests: readonly Request[]) => Promise<Reply<Result>>,
    ) =>
    (requests: readonly Request[]): Promise<Reply<Result>> =>
      verb(part(requests[0]?.resource), requests);
  return {
    name: "partitioned",
    guarantees: parts[0]!.guarantees,
    lane,
    async open(session) {
      const { listener } = session;
      const late = <Args extends unknown[]>(tell: (...args: Args) => void): ((...args: Args) => void) => {
        return (...args) => void setTimeout(() => tell(...args), delayMs);
      };
      for (const each of parts) {
        await each.open({
          ...session,
          listener: {
            granted: late(listener.granted.bind(listener)),
            revoked: late(listener.revoked.bind(listener)),
            contended: late(listener.contended.bind(listener)),
            look: late(listener.look.bind(listener)),
          },
        });
      }
    },
    admit: call((of, requests) => of.admit(requests)),
    renew: call((of, requests) => of.renew(requests)),
    release: call((of, requests) => of.release(requests)),
    revoke: (request) => part(request.resource).revoke(request),
    inspect: (resource) => part(resource).inspect(resource),
    list: (page) => parts[0]!.list(page),
    time: () => parts[0]!.time(),
    close: async () => void (await Promise.all(parts.map((each) => each.close()))),
  };
}

test("a grant that comes late is no grant, also where servers' clocks are far apart", async () => {
  const servers = [new MemoryStore(), new MemoryStore({ wall: () => Date.now() + AHEAD_MS })];
  const holder = new Coordinator({ locks: partitioned(servers, 0) }, OPTIONS);
  const waiter = new Coordinator({ locks: partitioned(servers, CLAIM_MS * 2) }, OPTIONS);
  const other = new Coordinator({ locks: partitioned(servers, 0) }, OPTIONS);
  const lease = await holder.mutex("ahead").lock();
  const waiting = waiter.mutex("ahead").lock();
  while ((await holder.inspect("ahead")).waiters.length < 1) await sleep(1);
  // What the waiter hears of the first server says nothing of the second one's clock.
  await (await waiter.mutex("behind").lock()).release();
  await lease.release();
  // Granted when the claim has run out; the message of the waiter's grant is still on its way.
  const next = await other.mutex("ahead").lock();
  let isGranted = false;
  void waiting.then(() => (isGranted = true));
  await sleep(CLAIM_MS * 2);
  assert.ok(!next.lost.aborted);
  assert.equal(isGranted, false, "two hold it");
  await next.release();
  const last = await waiting;
  assert.ok(last.token > next.token);
  await last.release();
  await Promise.all([holder.close(), waiter.close(), other.close()]);
});
