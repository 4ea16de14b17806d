import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { coreMutants } from "./mutants/core-mutants.ts";
import { memoryMutants } from "./mutants/memory-mutants.ts";
import { redisMutants } from "./mutants/redis-mutants.ts";
import { REDIS_PORT } from "./mutants/redis-subject.ts";
import { sqliteMutants } from "./mutants/sqlite-mutants.ts";
import { tryMutant } from "./mutants/try-mutant.ts";
import { startRedis } from "./servers/redis.ts";

const SETS = [
  { subject: "memory", mutants: memoryMutants },
  { subject: "sqlite", mutants: sqliteMutants },
  { subject: "redis", mutants: redisMutants },
  { subject: "core", mutants: coreMutants },
];

const server = await startRedis();
after(() => server.stop());
const environment = { [REDIS_PORT]: String(server.port) };

for (const { subject, mutants } of SETS) {
  describe(`mutants of ${subject}`, { concurrency: 2 }, () => {
    test("as it is, it passes", async () => {
      const { caught } = await tryMutant(subject, undefined, environment);
      assert.equal(caught, "");
    });

    for (const mutant of mutants) {
      test(mutant.name, async (t) => {
        const { found, caught } = await tryMutant(subject, mutant, environment);
        assert.equal(found, 1, `the text to replace occurs ${found} times in ${mutant.file}`);
        assert.notEqual(caught, "", "nobody noticed");
        t.diagnostic(`caught by ${caught.slice(0, 300)}`);
      });
    }
  });
}
