import assert from "node:assert/strict";
import { test } from "node:test";
import { Keys } from "#src/backends/redis/keys.js";
import { slotOf } from "#src/backends/redis/slot.js";
import { parseUrl } from "#src/backends/redis/url.js";
import { startRedisCluster } from "../servers/redis.ts";

const NAMES = [
  "",
  "a",
  "{",
  "}",
  "{}",
  "}{",
  "{a}b",
  "a}:lock",
  "%",
  "%7b",
  "%257b",
  "r:c:0",
  "ü",
  "💥",
  "a\nb",
  "*?[x]\\",
];

test("redis names: every name comes back from its key, and no two meet", () => {
  const keys = new Keys("name{sp}ace:");
  const all = NAMES.map((name) => keys.lock(name));
  assert.equal(new Set(all).size, NAMES.length);
  assert.deepEqual(
    all.map((key) => keys.resource(key)),
    NAMES,
  );
  assert.ok(all.every((key) => keys.isLock(key)));
  const others = NAMES.flatMap((name) => [new Keys("").lock(name), new Keys("name").lock(name)]);
  assert.ok(others.every((key) => !keys.isLock(key)));
});

test("redis names: no key of a record passes for a lock", () => {
  const keys = new Keys("n");
  for (const name of NAMES) {
    assert.ok(!keys.isLock(`${keys.bucket(name, 0)}v:a}:lock`));
    assert.ok(!NAMES.some((lock) => keys.lock(lock).startsWith(keys.bucket(name, 0))));
  }
});

test("redis names: slots are those that the server computes", async (t) => {
  const cluster = await startRedisCluster();
  t.after(() => cluster.stop());
  const keys = new Keys("n");
  for (const name of ["a", "{", "}", "%", "ü", "💥", "r:c:0", "x".repeat(500)]) {
    for (const key of [keys.lock(name), `${keys.bucket(name, 3)}index`, name]) {
      const reply = await cluster.nodes[0]!.command("CLUSTER", "KEYSLOT", JSON.stringify(key));
      assert.equal(reply.split("\r\n")[0], `:${slotOf(key)}`, key);
    }
  }
});

test("redis URLs: hosts, credentials, database", () => {
  assert.deepEqual(parseUrl("redis://localhost"), {
    kind: "single",
    nodes: [{ host: "localhost", port: 6379 }],
    tls: false,
    db: 0,
  });
  assert.deepEqual(parseUrl("rediss://ann:p%40ss@[::1]:7000/3"), {
    kind: "single",
    nodes: [{ host: "::1", port: 7000 }],
    tls: true,
    username: "ann",
    password: "p@ss",
    db: 3,
  });
  assert.deepEqual(parseUrl("redis+sentinel://:secret@a:1,b/main/2?sentinelPassword=other"), {
    kind: "sentinel",
    nodes: [
      { host: "a", port: 1 },
      { host: "b", port: 26379 },
    ],
    tls: false,
    password: "secret",
    db: 2,
    master: "main",
    sentinelPassword: "other",
  });
  assert.equal(parseUrl("redis+cluster://a,b,c:7").nodes.length, 3);
});

test("redis URLs: what is wrong is said, and the password is not", () => {
  const wrong = [
    "redis://",
    "redis://ann:secret@",
    "redis://:secret@a,b",
    "redis://:secret@a/x",
    "redis://:secret@a:port",
    "redis+sentinel://:secret@a",
    "redis+cluster://:secret@a/1",
    "redis://:secret@a?sentinelPassword=secret",
  ];
  for (const url of wrong) {
    assert.throws(
      () => parseUrl(url),
      (error: unknown) =>
        error instanceof TypeError &&
        !error.message.includes("secret") &&
        /expected/.test(error.message),
      url,
    );
  }
});
