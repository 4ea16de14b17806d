import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { leftOut } from "../servers/install.ts";
import { startRedis } from "../servers/redis.ts";
import { holdfast } from "./program.ts";

describe("holdfast doctor and a Redis server", { skip: leftOut("redis") }, () => {
  test("one that may evict locks is dangerous: 1, with what to do", async () => {
    const server = await startRedis(["--maxmemory", "20mb", "--maxmemory-policy", "allkeys-lru"]);
    try {
      const { code, stdout } = await holdfast(["doctor"], { url: server.url });
      assert.equal(code, 1, stdout);
      assert.match(stdout, /^ {2}danger +eviction: allkeys-lru.*\n {11}\S.*noeviction/m);
      const json = await holdfast(["doctor", "--json"], { url: server.url });
      assert.equal(json.code, 1);
      assert.match(json.stdout, /"level":"danger","subject":"eviction"/);
    } finally {
      await server.stop();
    }
  });

  test("one that is down, or answers nobody, exits 69", async () => {
    const server = await startRedis();
    server.freeze();
    const frozen = await holdfast(["doctor"], { url: server.url });
    assert.equal(frozen.code, 69);
    assert.match(frozen.stderr, /cannot be opened/);
    server.thaw();
    await server.stop();
    const down = await holdfast(["doctor"], { url: server.url });
    assert.equal(down.code, 69);
    assert.match(down.stderr, /cannot be opened: .*ECONNREFUSED/);
  });
});
