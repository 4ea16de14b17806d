import type { Mutant } from "./mutant.ts";

const locks = "backends/memory/locks.js";
const records = "backends/memory/records.js";
const resource = "backends/memory/resource.js";

export const memoryMutants: readonly Mutant[] = [
  {
    name: "hand-over lets in one more than fits",
    file: locks,
    find: "if (ahead > kept.capacity) {",
    replace: "if (ahead > kept.capacity + 1) {",
  },
  {
    name: "admission forgets the permits asked for",
    file: locks,
    find: "permitsOf(inFront) + permits <= capacity",
    replace: "permitsOf(inFront) < capacity",
  },
  {
    name: "admission looks at holders only: grants ahead of waiters",
    file: locks,
    find: "request.steal === true ? [] : kept.places;",
    replace: "request.steal === true ? [] : kept.places.filter((each) => each.token !== 0);",
  },
  {
    name: "hand-over skips a waiter that does not fit",
    file: locks,
    find: "next = place;\n                break;",
    replace: "next ??= place;\n                ahead -= place.permits;\n                continue;",
  },
  {
    name: "release never hands over",
    file: locks,
    find: "forget(kept, leaseId, true);\n            this.#handOver(kept, resource, now);",
    replace: "forget(kept, leaseId, true);",
  },
  {
    name: "expiry never hands over",
    file: locks,
    find: "kept.idleSince = now;\n            this.#handOver(kept, resource, now);\n        }",
    replace: "kept.idleSince = now;\n        }",
  },
  {
    name: "a place ends a millisecond late",
    file: locks,
    find: "if (kept.places.some((place) => place.expiresAt <= now)) {",
    replace: "if (kept.places.some((place) => place.expiresAt < now)) {",
  },
  {
    name: "a grant ends a millisecond early",
    file: resource,
    find: "place.expiresAt = now + ms;",
    replace: "place.expiresAt = now + ms - 1;",
  },
  {
    name: "renewal is ignored",
    file: locks,
    find: "        place.expiresAt = now + ttlMs;\n",
    replace: "",
  },
  {
    name: "renewal counts from the old deadline",
    file: locks,
    find: "place.expiresAt = now + ttlMs;",
    replace: "place.expiresAt += ttlMs;",
  },
  {
    name: "renewal of a waiter is confirmed",
    file: locks,
    find: "if (place === undefined || place.token === 0)\n            return",
    replace: "if (place === undefined)\n            return",
  },
  {
    name: "renewal inserts what is gone",
    file: locks,
    find: "const place = kept.places.find((each) => each.leaseId === leaseId);",
    replace:
      "let place = kept.places.find((each) => each.leaseId === leaseId);" +
      " if (!place && !kept.places.length) { place = { leaseId, owner: session.owner, permits: 1," +
      " claimMs: 1, since: now }; kept.places.push(place); mint(kept, place, now, ttlMs); }",
  },
  {
    name: "the token is not increased",
    file: resource,
    find: "Math.max(last + 1, Math.floor(now * 1000))",
    replace: "Math.max(last, Math.floor(now * 1000))",
  },
  {
    name: "the token only counts, and starts again after clean-up",
    file: resource,
    find: "Math.max(last + 1, Math.floor(now * 1000))",
    replace: "last + 1",
  },
  {
    name: "the claim deadline is ignored",
    file: locks,
    find: "mint(kept, place, now, place.claimMs);",
    replace: "mint(kept, place, now, 60_000);",
  },
  {
    name: "ended ids are forgotten",
    file: resource,
    find: "kept.ended.push({ leaseId, released });",
    replace: "",
  },
  {
    name: "a release that comes first is forgotten",
    file: locks,
    find: "        if (ended === undefined)\n            forget(kept, leaseId, false);\n",
    replace: "",
  },
  {
    name: "wait: false enqueues",
    file: locks,
    find: "if (!fits && !request.wait) {",
    replace: "if (!fits && !request.wait && kept.places.length === 0) {",
  },
  {
    name: "force-release does not fence off",
    file: locks,
    find: "            kept.last = nextToken(kept.last, now);\n            kept.revocations",
    replace: "            kept.revocations",
  },
  {
    name: "force-release ends waiters, too",
    file: locks,
    find: "(place) => place.token !== 0 && (request",
    replace: "(place) => (request",
  },
  {
    name: "force-release does not hand over",
    file: locks,
    find: "        this.#handOver(kept, resource, now);\n        kept.idleSince = now;",
    replace: "        kept.idleSince = now;",
  },
  {
    name: "release frees another place of the process",
    file: locks,
    find: "findIndex((place) => place.leaseId === leaseId)",
    replace: "findIndex((place) => processOf(place.leaseId) === processOf(leaseId))",
  },
  {
    name: "patience is not refreshed",
    file: locks,
    find: "mine.expiresAt = now + session.patienceMs;",
    replace: "mine.expiresAt += 0;",
  },
  {
    name: "patience never ends",
    file: locks,
    find: "            expiresAt: now + session.patienceMs,\n",
    replace: "            expiresAt: now + 1e9,\n",
  },
  {
    name: "asking again lengthens a grant",
    file: locks,
    find: "if (mine.token === 0)\n",
    replace: "if (mine.token >= 0)\n",
  },
  {
    name: "the grant is not pushed",
    file: locks,
    find: "listener.granted(resource, leaseId, grant)",
    replace: "undefined",
  },
  {
    name: "the next waiter is not told to look",
    file: locks,
    find: "listener.look(resource, claimBy)",
    replace: "undefined",
  },
  {
    name: "holders do not hear that others wait",
    file: locks,
    find: "listener.contended(resource)",
    replace: "undefined",
  },
  {
    name: "steal forgets to revoke",
    file: locks,
    find: "if (request.steal === true)\n            this.#end(",
    replace: "if (request.steal === 1)\n            this.#end(",
  },
  {
    name: "steal waits its turn",
    file: locks,
    find: "kept.places.unshift(place);",
    replace: "kept.places.push(place);",
  },
  {
    name: "another capacity is accepted",
    file: locks,
    find: "kept.places.length > 0 && kept.capacity !== capacity",
    replace: "kept.places.length > 1 && kept.capacity !== capacity",
  },
  {
    name: "the fence is skipped",
    file: records,
    find: "if (this.#isStale(namespace, write, head))",
    replace: "if (write.fence === null)",
  },
  {
    name: "the fence trusts a lease that has ended",
    file: locks,
    find: "place.token === storeToken && place.expiresAt > now",
    replace: "place.token === storeToken",
  },
  {
    name: "the fence sees the lock only, not what records have seen",
    file: records,
    find: "return !fence.shared && (head?.fences.get(fence.resource) ?? 0n) > fence.token;",
    replace: "return false;",
  },
  {
    name: "the fence forgets with the record",
    file: records,
    find: "head?.fences ?? new Map()",
    replace: "(head?.value && head.fences) ?? new Map()",
  },
  {
    name: "shared leases lift the record's token",
    file: records,
    find: "write.fence !== undefined && !write.fence.shared",
    replace: "write.fence !== undefined",
  },
  {
    name: "a revision comes back after deletion",
    file: records,
    find: "revision: String(++this.#revisions),",
    replace: "revision: String(head?.value ? Number(head.revision) + 1 : 1),",
  },
  {
    name: "a replay is written again",
    file: records,
    find: "            if (head?.opId === write.opId)\n                return record(write.key, head);\n",
    replace: "",
  },
  {
    name: "only the first write of a call is checked",
    file: records,
    find: "write.ifRevision !== undefined && write.ifRevision !==",
    replace: "index === 0 && write.ifRevision !== undefined && write.ifRevision !==",
  },
  {
    name: "idle resources are forgotten at once",
    file: locks,
    find: "if (inUse || now < kept.idleSince + IDLE_MEMORY_MS)",
    replace: "if (inUse)",
  },
  {
    name: "idle resources are never forgotten",
    file: locks,
    find: "            if (inUse || now < kept.idleSince + IDLE_MEMORY_MS)\n    ",
    replace: "",
  },
  {
    name: "looking clears away",
    file: locks,
    find: "const kept = this.#resources.get(path(namespace, resource));\n        const places",
    replace: "const kept = this.#touch(namespace, resource, now);\n        const places",
  },
];
