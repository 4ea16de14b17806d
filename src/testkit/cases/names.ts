import assert from "node:assert/strict";
import type { Case } from "../case.ts";

/** All different, each a trap for some store: quoting, key syntax, patterns, terminators, encodings. */
export const HOSTILE_NAMES: readonly string[] = [
  "customer:42",
  " customer:42",
  "customer:42 ",
  "CUSTOMER:42",
  "客户:四十二",
  "\u00E9 composed",
  "e\u0301 decomposed",
  "👩‍👩‍👧 family",
  "\uFEFFbyte order mark",
  "'); DROP TABLE places; --",
  '" OR "1"="1',
  "`back` \\ticks\\ \\u0041",
  "{tag}",
  "}{",
  "{}",
  "a{b}c{d}",
  "__proto__",
  "constructor",
  "../../etc/passwd",
  "/",
  "a/b",
  "a//b",
  "*",
  "?[a-z]%_",
  "$1 ${x} #{y} %s",
  "-1",
  "0",
  "null",
  "nul\u0000in the middle",
  "nul at the end\u0000",
  "\u0001\u001F\u007F",
  "line\nbreak\r\n",
  "tab\t",
  " ",
  "x".repeat(1_024),
  "長".repeat(341),
];

export const names: readonly Case[] = [
  {
    name: "names: any text names a resource, and only that one",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const held = [];
      for (const name of HOSTILE_NAMES) held.push({ name, ...(await a!.take(name)) });
      for (const { name, leaseId, token } of held) {
        const { resource, places } = await b!.backend.inspect(name);
        assert.equal(resource, name);
        assert.deepEqual(places.map((place) => place.token), [token], JSON.stringify(name));
        const next = await b!.queue(name);
        assert.equal(await a!.release(name, leaseId), "released");
        assert.equal((await b!.hears("granted", next.leaseId)).resource, name);
        assert.equal(await b!.release(name, next.leaseId), "released");
        assert.equal((await a!.backend.inspect(name)).places.length, 0);
      }
    },
  },
  {
    name: "names: any text is listed as it is",
    async run(stage) {
      const a = await stage.join();
      await a.backend.admit(HOSTILE_NAMES.map((name) => a.request(name)));
      const listed = (await a.backend.list({ limit: 100 })).map(({ resource }) => resource);
      assert.deepEqual([...listed].sort(), [...HOSTILE_NAMES].sort());
    },
  },
  {
    name: "names: a lease id is kept and shown whole, up to its 1,024 characters",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const long = (process: string, end: string): string =>
        `${process}:1:${"_aZ-".repeat(256)}`.slice(0, 1_023) + end;
      const held = await a!.take("r", { leaseId: long(a!.session.processId, "A") });
      const { leaseId } = await b!.queue("r", { leaseId: long(b!.session.processId, "B") });
      const { places } = await a!.backend.inspect("r");
      assert.deepEqual(places.map((place) => place.leaseId), [held.leaseId, leaseId]);
      assert.equal(await a!.release("r", held.leaseId), "released");
      assert.equal((await b!.hears("granted", leaseId)).resource, "r");
      assert.equal(await a!.release("r", held.leaseId), "released", "what ended is remembered");
      assert.equal(await b!.release("r", leaseId), "released");
    },
  },
  {
    of: "records",
    name: "names: any text names a collection, a key, an author, an owner",
    async run(stage) {
      for (const collection of HOSTILE_NAMES.slice(-12)) {
        const a = await stage.join({
          namespace: `${stage.namespace}${collection}`,
          owner: { host: "h", pid: 1, label: collection, metadata: { [collection]: collection } },
        });
        const held = await a.take("r");
        assert.deepEqual((await a.backend.inspect("r")).places[0]?.owner, a.session.owner);
        await a.release("r", held.leaseId);
        for (const key of HOSTILE_NAMES) {
          const value = JSON.stringify({ [key]: key });
          const write = { collection, key, value, author: key, ifRevision: null };
          const written = await a.write(write);
          assert.equal(written.kind, "written", JSON.stringify({ collection, key }));
        }
        const found = await a.backend.scan(collection, { limit: 100 });
        assert.deepEqual(found.map(({ key }) => key).sort(), [...HOSTILE_NAMES].sort());
        for (const { key, value, author } of found) {
          assert.equal(value, JSON.stringify({ [key]: key }));
          assert.equal(author, key);
        }
      }
    },
  },
];
