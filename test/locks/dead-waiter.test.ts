import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Coordinator } from "holdfast";
import { memory, MemoryStore } from "holdfast/memory";

const CLAIM_MS = 200;
/** Leases and fallback polls are far longer: only who looks when it is told to look is in time. */
const OPTIONS = { ttlMs: 60_000, fallbackMs: 60_000, claimMs: CLAIM_MS };

test("a waiter behind a dead one is served at the claim deadline, by looking when told to", async () => {
  const store = new MemoryStore();
  const hf = new Coordinator(memory(store), OPTIONS);
  const other = new Coordinator(memory(store), OPTIONS);
  const dead = memory(store);
  const hearsNothing = { granted() {}, revoked() {}, contended() {}, look() {} };
  await dead.open({
    namespace: "holdfast",
    processId: "dead",
    owner: { host: "gone", pid: 1 },
    claimMs: CLAIM_MS,
    patienceMs: 60_000,
    listener: hearsNothing,
  });
  const lease = await hf.mutex("m").lock();
  const request = { resource: "m", leaseId: "dead:1", permits: 1, capacity: 1, ttlMs: 60_000, wait: true };
  await dead.admit([request]);
  const waiting = other.mutex("m").lock({ waitMs: 10_000 });
  while ((await hf.inspect("m")).waiters.length < 2) await sleep(1);
  const releasedAt = performance.now();
  await lease.release();
  const next = await waiting;
  const took = performance.now() - releasedAt;
  assert.ok(took >= CLAIM_MS - 2 && took < CLAIM_MS + 2_000, `took ${Math.round(took)} ms`);
  await next.release();
  await Promise.all([hf.close(), other.close(), dead.close()]);
});
