import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { leftOut } from "../servers/install.ts";
import { startPostgres } from "../servers/postgres.ts";
import { holdfast } from "./program.ts";

describe("holdfast migrate", { skip: leftOut("postgres") }, () => {
  const starting = startPostgres();
  after(async () => (await starting).stop());

  test("a role that may not create is served once the owner has run what --print gives", async () => {
    const server = await starting;
    await server.query("CREATE ROLE app LOGIN");
    const url = `${server.url.replace("postgres@", "app@")}?schema=owned&durability=relaxed`;
    const refused = await holdfast(["migrate"], { url });
    assert.equal(refused.code, 69);
    assert.match(refused.stderr, /holdfast migrate --print/);

    const nowhere = "postgres:///x?schema=owned&durability=relaxed";
    const printed = await holdfast(["migrate", "--print"], { url: nowhere });
    assert.equal(printed.code, 0, printed.stderr);
    await server.query(printed.stdout);
    await server.query(printed.stdout);
    await server.query(
      "GRANT USAGE ON SCHEMA owned TO app; " +
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA owned TO app; " +
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA owned TO app",
    );
    const run = await holdfast(["run", "job", "--", "true"], { url });
    assert.equal(run.code, 0, run.stderr);
  });

  test("with the rights, it makes the tables itself", async () => {
    const server = await starting;
    const done = await holdfast(["migrate"], { url: `${server.url}?schema=made` });
    assert.equal(done.code, 0, done.stderr);
    const [row] = await server.query("SELECT version, durability FROM made.meta");
    assert.equal(row?.["durability"], "durable");
  });

  test("--print knows MySQL too, with its prefix", async () => {
    const printed = await holdfast(["migrate", "--print"], { url: "mysql://u@nowhere/app?prefix=own_" });
    assert.equal(printed.code, 0, printed.stderr);
    assert.match(printed.stdout, /CREATE TABLE IF NOT EXISTS own_/);
  });

  test("a store without SQL, a bad schema and a bad durability are refused at once", async () => {
    const none = await holdfast(["migrate", "--print"], { url: "sqlite:./none.db" });
    assert.equal(none.code, 64);
    assert.match(none.stderr, /needs no SQL/);
    for (const bad of ["schema=x%22%3B", "durability=fast"]) {
      const refused = await holdfast(["migrate", "--print"], { url: `postgres:///x?${bad}` });
      assert.equal(refused.code, 64, refused.stderr);
      assert.match(refused.stderr, /must be/);
    }
  });
});
