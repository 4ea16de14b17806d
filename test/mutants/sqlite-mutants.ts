import type { Mutant } from "./mutant.ts";

const locks = "backends/sqlite/locks.js";
const records = "backends/sqlite/records.js";

export const sqliteMutants: readonly Mutant[] = [
  {
    name: "hand-over lets in one more than fits",
    file: locks,
    find: "if (sum > queue.capacity) {",
    replace: "if (sum > queue.capacity + 1) {",
  },
  {
    name: "hand-over skips a waiter that does not fit",
    file: locks,
    find: "next = place;\n                break;",
    replace: "next ??= place;\n                sum -= place.permits;\n                continue;",
  },
  {
    name: "admission looks at holders only: grants ahead of waiters",
    file: locks,
    find: "sumOfPermits(queue.places)) + permits",
    replace: "sumOfPermits(queue.places.filter(({ token }) => token !== 0))) + permits",
  },
  {
    name: "release never hands over",
    file: locks,
    find: "true).length > 0) {\n            this.#handOver();",
    replace: "true).length > 0) {",
  },
  {
    name: "a place ends a millisecond late",
    file: locks,
    find: "if (queue.places.some((place) => place.expiresAt <= now)) {",
    replace: "if (queue.places.some((place) => place.expiresAt < now)) {",
  },
  {
    name: "renewal is answered, but not stored",
    file: locks,
    find: "place.expiresAt = this.now + ttlMs;\n        this.changed = true;",
    replace: "place.expiresAt = this.now + ttlMs;",
  },
  {
    name: "renewal of a waiter is confirmed",
    file: locks,
    find: "if (place === undefined || place.token === 0)\n",
    replace: "if (place === undefined)\n",
  },
  {
    name: "the token is not increased",
    file: locks,
    find: "Math.max(last + 1, Math.floor(now * 1000))",
    replace: "Math.max(last, Math.floor(now * 1000))",
  },
  {
    name: "the claim deadline is ignored",
    file: locks,
    find: "this.#mint(place, place.claimMs);",
    replace: "this.#mint(place, 60_000);",
  },
  {
    name: "ended ids are forgotten",
    file: locks,
    find: "rememberEnd(this.queue, leaseId, released);",
    replace: "",
  },
  {
    name: "patience is refreshed, but not stored",
    file: locks,
    find: "mine.expiresAt = now + session.patienceMs;\n                this.changed = true;",
    replace: "mine.expiresAt = now + session.patienceMs;",
  },
  {
    name: "wait: false enqueues",
    file: locks,
    find: "if (!fits && !request.wait) {",
    replace: "if (!fits && !request.wait && queue.places.length === 0) {",
  },
  {
    name: "force-release does not fence off",
    file: locks,
    find: "this.queue.last = nextToken(this.queue.last, this.now);\n        this.#handOver();",
    replace: "this.queue.last += 0;\n        this.#handOver();",
  },
  {
    name: "steal forgets to revoke",
    file: locks,
    find: 'this.#revoke("stolen", () => true);',
    replace: 'this.#revoke("stolen", () => false);',
  },
  {
    name: "the grant is not pushed",
    file: locks,
    find: 'this.tell(leaseId, { kind: "granted", resource, leaseId, grant });',
    replace: "",
  },
  {
    name: "the fence is skipped",
    file: records,
    find: "if (this.#isStale(write, row, transaction.now))",
    replace: "if (false)",
  },
  {
    name: "the fence trusts a lease that has ended",
    file: records,
    find: "place.token === storeToken && place.expiresAt > now",
    replace: "place.token === storeToken",
  },
  {
    name: "the fence compares tokens as doubles",
    file: records,
    find: "BigInt(fencesOf(row).get(resource) ?? 0) > token",
    replace: "Number(fencesOf(row).get(resource) ?? 0) > Number(token)",
  },
  {
    name: "the fence forgets with the record",
    file: records,
    find: "const pairs = row?.fences ?? null;",
    replace: "const pairs = (row?.value == null ? null : row.fences) ?? null;",
  },
  {
    name: "a replay is written again",
    file: records,
    find: "        if (replay !== undefined)\n            return shown(key, replay);\n",
    replace: "",
  },
  {
    name: "an id is remembered over all records",
    file: "backends/sqlite/versions.js",
    find: "AND op_id = ?",
    replace: "AND 0 OR op_id = ?",
  },
  {
    name: "history begins with the version it was asked to go on after",
    file: "backends/sqlite/versions.js",
    find: "AND place < ? ORDER BY place DESC LIMIT ?",
    replace: "AND place <= ? ORDER BY place DESC LIMIT ?",
  },
  {
    name: "time goes back with the store's clock",
    file: records,
    find: "Math.max(now, row?.at ?? now)",
    replace: "now",
  },
  {
    name: "entries that are gone can still be found",
    file: "backends/sqlite/entries.js",
    find: "this.#delete.run(",
    replace: "void (",
  },
  {
    name: "whoever is written in the same call holds its unique entries until then",
    file: "backends/sqlite/entries.js",
    find: "!written.has(nameOf(collection, holder))",
    replace: "holder !== write.key",
  },
  {
    name: "every entry is unique",
    file: "backends/sqlite/entries.js",
    find: "if (!entry.unique)",
    replace: "if (entry.unique === undefined)",
  },
  {
    name: "a prefix ends where a page does",
    file: "backends/sqlite/entries.js",
    find: "more: rows.length === most",
    replace: "more: false",
  },
  {
    name: "pruning forgets that it took something",
    file: "backends/sqlite/prune.js",
    find: "if (highest > 0)",
    replace: "if (highest < 0)",
  },
  {
    name: "pruning takes what a reader has not seen",
    file: "backends/sqlite/prune.js",
    find: "...upTo.map(placeOf)",
    replace: "...upTo.slice(0, 0).map(placeOf)",
  },
  {
    name: "pruning loses count of what is left",
    file: "backends/sqlite/prune.js",
    find: "this.#count.run(rows.length, record);",
    replace: "this.#count.run(rows.length + 1, record);",
  },
  {
    name: "places are given twice after the last version was pruned",
    file: "backends/sqlite/prune.js",
    find: "this.#keepPlace.run(highest);",
    replace: "",
  },
];
