import assert from "node:assert/strict";
import type { Page } from "../../backend.ts";
import type { Case } from "../case.ts";

/** In binary order of their UTF-8 text; JavaScript's own order would swap the last two. */
const NAMES = ["A", "B%", "B*", "B?x", "B[a]", "B\\", "B_", "Ba", "Bb:1", "a", "z", "é", "\uFF5E", "😀"];

export const list: readonly Case[] = [
  {
    name: "list: shows all that is held or waited for, in binary order, and nothing else",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      assert.deepEqual(await a!.backend.list({ limit: 100 }), []);
      for (const name of [...NAMES].reverse()) await a!.take(name);
      const idle = await a!.take("idle");
      await a!.release("idle", idle.leaseId);
      await b!.queue("z");
      const all = await b!.backend.list({ limit: 100 });
      assert.deepEqual(all.map(({ resource }) => resource), NAMES);
      const z = all.find(({ resource }) => resource === "z");
      assert.equal(z?.places.length, 2);
      assert.equal(z.capacity, 1);
    },
  },
  {
    name: "list: takes prefixes literally",
    async run(stage) {
      const a = await stage.join();
      for (const name of NAMES) await a.take(name);
      for (const prefix of ["B", "B%", "B*", "B?", "B[", "B\\", "B_", "é", "😀", "", "zz"]) {
        const found = await a.backend.list({ prefix, limit: 100 });
        const expected = NAMES.filter((name) => name.startsWith(prefix));
        assert.deepEqual(found.map(({ resource }) => resource), expected, `prefix "${prefix}"`);
      }
    },
  },
  {
    name: "list: goes page by page",
    async run(stage) {
      const a = await stage.join();
      for (const name of NAMES) await a.take(name);
      for (const prefix of ["", "B"]) {
        const found: string[] = [];
        let page: Page = { prefix, limit: 3 };
        for (;;) {
          const names = (await a.backend.list(page)).map(({ resource }) => resource);
          assert.ok(names.length <= 3);
          const last = names.at(-1);
          if (last === undefined) break;
          found.push(...names);
          page = { ...page, after: last };
        }
        assert.deepEqual(found, NAMES.filter((name) => name.startsWith(prefix)));
      }
      const between = await a.backend.list({ after: "Bc", limit: 1 });
      assert.deepEqual(between.map(({ resource }) => resource), ["a"], "after need not exist");
    },
  },
];
