import assert from "node:assert/strict";
import type { Page } from "../../backend.ts";
import type { Case } from "../case.ts";

/** In binary order of their UTF-8 text. */
const KEYS = ["A", "B%", "B*", "B[a]", "B\\", "B_", "Ba", "a", "é", "\uFF5E", "😀"];

export const scan: readonly Case[] = [
  {
    of: "records",
    name: "scan: shows the live records of one collection in binary order, page by page",
    async run(stage) {
      const a = await stage.join();
      for (const key of [...KEYS].reverse()) {
        await a.write({ collection: "c", key, value: `"${key === "B\\" ? "" : key}"` });
        await a.write({ collection: "cc", key: `${key}2`, value: "0" });
      }
      // So many that they would fill pages.
      for (const key of ["Bdead1", "Bdead2", "Bdead3", "Bdead4"]) {
        await a.write({ collection: "c", key, value: "0" });
        await a.write({ collection: "c", key, value: null });
      }
      assert.deepEqual(await a.backend.scan("none", { limit: 10 }), []);
      for (const prefix of ["", "B", "B*", "B_", "B%", "é", "x"]) {
        const found: string[] = [];
        let page: Page = { prefix, limit: 2 };
        for (;;) {
          const records = await a.backend.scan("c", page);
          assert.ok(records.length <= 2);
          for (const record of records) {
            assert.deepEqual(await a.backend.read("c", record.key), record);
            found.push(record.key);
          }
          const last = records.at(-1);
          if (last === undefined) break;
          page = { ...page, after: last.key };
        }
        assert.deepEqual(found, KEYS.filter((key) => key.startsWith(prefix)), `prefix "${prefix}"`);
      }
    },
  },
];
