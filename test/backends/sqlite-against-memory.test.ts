import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { ALL, type Admission, type Backend, type Session } from "holdfast/backend";
import { memory, MemoryStore } from "holdfast/memory";
import { sqlite } from "holdfast/sqlite";

const SEEDS = 40;
const STEPS = 150;

/** Sorted otherwise by UTF-16 units than by bytes of UTF-8, cut short by NUL, prefixes of each other. */
const NAMES = ["a", "a\u0000b", "a\u0001", "a\u0001\u0001", "a\uffff", "a😀", "é'\"%_", "A"];
const OWNERS = ["one", "two", "three"] as const;

type Call = (backend: Backend) => Promise<unknown>;

interface Lease {
  readonly resource: string;
  readonly leaseId: string;
  token: number;
}

for (let seed = 1; seed <= SEEDS; seed += 1) {
  test(`sqlite answers and tells what memory does, seed ${seed}`, async () => {
    const directory = mkdtempSync(join(tmpdir(), "holdfast-"));
    let now = 1_700_000_000_000;
    const store = new MemoryStore({ wall: () => now });
    const expected = await openAll(() => memory(store));
    const actual = await openAll(() => sqlite(join(directory, "a.db"), { now: () => now }));
    const dice = throwing(seed);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(dice() * from.length)] as T;
    const leases: Lease[] = [];
    try {
      for (let step = 0; step < STEPS; step += 1) {
        if (dice() < 0.3) now += pick([1, 9, 500, 30_000]);
        const owner = pick(OWNERS);
        const [what, call] = draw(dice, pick, leases, `${owner}:${step}`);
        const answer = await call(expected.backends[owner]);
        const other = await call(actual.backends[owner]);
        await turn();
        const when = `step ${step}: ${what} by ${owner}`;
        assert.deepEqual(withoutRevisions(other), withoutRevisions(answer), when);
        assert.deepEqual(actual.heard, expected.heard, `news after ${when}`);
        learn(leases, answer);
      }
    } finally {
      for (const owner of OWNERS) await actual.backends[owner].close();
      rmSync(directory, { recursive: true });
    }
  });
}

/** One random call, to be made on both sides. */
function draw(
  dice: () => number,
  pick: <T>(from: readonly T[]) => T,
  leases: Lease[],
  newId: string,
): readonly [what: string, call: Call] {
  const old = leases.length > 0 ? pick(leases) : undefined;
  const known = old ?? { resource: "a", leaseId: newId, token: 0 };
  const chance = dice();
  if (chance < 0.35) {
    const lease = dice() < 0.8 ? { resource: pick(NAMES), leaseId: newId, token: 0 } : known;
    if (lease !== known) leases.push(lease);
    const capacity = pick([1, 1, 3, ALL]);
    const request = {
      resource: lease.resource,
      leaseId: lease.leaseId,
      permits: pick([1, capacity]),
      capacity,
      ttlMs: pick([10, 1_000, 60_000]),
      wait: dice() < 0.8,
      steal: dice() < 0.05,
    };
    return ["admit", (on) => on.admit([request])];
  }
  const { resource, leaseId, token } = known;
  if (chance < 0.5) {
    return ["renew", (on) => on.renew([{ resource, leaseId, ttlMs: 1_000 }])];
  }
  if (chance < 0.65) return ["release", (on) => on.release([{ resource, leaseId }])];
  if (chance < 0.7) {
    const by = { host: "h", pid: 1, label: "\u0000" };
    const one = dice() < 0.5 ? { leaseId } : {};
    return ["revoke", (on) => on.revoke({ resource, reason: "why", by, ...one })];
  }
  if (chance < 0.75) return ["inspect", (on) => on.inspect(resource)];
  const page = {
    prefix: pick(["", "a", "a\u0001", "é"]),
    limit: pick([1, 3, 50]),
    ...(dice() < 0.5 ? { after: pick(NAMES) } : {}),
  };
  if (chance < 0.8) return ["list", (on) => on.list(page)];
  if (chance < 0.85) return ["scan", (on) => on.scan("c", page)];
  const key = pick(NAMES);
  const condition = pick(["none", "absent", "current", "wrong"]);
  const write = {
    collection: "c",
    key,
    value: dice() < 0.3 ? null : JSON.stringify(newId),
    revision: newId,
    opId: dice() < 0.9 ? newId : "again",
    ...(dice() < 0.5 ? { author: "\u0000" } : {}),
    ...(dice() < 0.4
      ? { fence: { resource, token: BigInt(token) * 1024n + 5n, shared: dice() < 0.3 } }
      : {}),
  };
  return [
    `write ${condition}`,
    async (on) => {
      const current = (await on.read("c", key))?.revision ?? null;
      if (condition === "none") return on.write([write]);
      const ifRevision = condition === "current" ? current : condition === "wrong" ? "0" : null;
      return on.write([{ ...write, ifRevision }]);
    },
  ];
}

/** Tokens of grants, for later fences. */
function learn(leases: readonly Lease[], answer: unknown): void {
  const { results } = answer as { readonly results?: readonly Admission[] };
  const granted = results?.[0];
  const latest = leases.at(-1);
  if (granted?.kind === "granted" && latest?.token === 0) latest.token = granted.token;
}

async function openAll(make: () => Backend): Promise<{
  readonly backends: Readonly<Record<(typeof OWNERS)[number], Backend>>;
  readonly heard: unknown[];
}> {
  const heard: unknown[] = [];
  const backends = { one: make(), two: make(), three: make() };
  for (const owner of OWNERS) {
    const session: Session = {
      namespace: "n\u0000",
      processId: owner,
      owner: { host: "h", pid: 1, metadata: { of: owner } },
      claimMs: 400,
      patienceMs: 2_000,
      listener: {
        granted: (...news) => heard.push([owner, "granted", ...news]),
        revoked: (...news) => heard.push([owner, "revoked", ...news]),
        contended: (...news) => heard.push([owner, "contended", ...news]),
        look: (...news) => heard.push([owner, "look", ...news]),
      },
    };
    await backends[owner].open(session);
  }
  return { backends, heard };
}

/** Revisions are opaque; whether they are the right ones shows in the writes that name them. */
function withoutRevisions(answer: unknown): unknown {
  return JSON.parse(
    JSON.stringify(answer, (name, value: unknown) => (name === "revision" ? "…" : value)),
  ) as unknown;
}

/** Chance from a seed (mulberry32). */
function throwing(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
