import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startRedis, type RedisServer } from "./servers/redis.ts";

let redis: RedisServer;

before(async () => {
  redis = await startRedis();
});

after(() => redis.stop());

async function run(name: string): Promise<Record<string, number>> {
  const file = fileURLToPath(new URL(`../examples/broken/${name}.js`, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [file, redis.url], { timeout: 60_000 });
  return JSON.parse(stdout) as Record<string, number>;
}

test("a lock released by a blind DEL lets two in at once; ours does not", async () => {
  const { broken, ours } = await run("blind-delete-lock");
  assert.ok(broken! > 1, `at most ${broken} at once`);
  assert.equal(ours, 1);
});

for (const name of ["get-then-set", "watch-on-a-pool"]) {
  test(`${name} loses increments; ours does not`, async () => {
    const { expected, broken, ours } = await run(name);
    assert.ok(broken! < expected!, `${broken} of ${expected}`);
    assert.equal(ours, expected);
  });
}
