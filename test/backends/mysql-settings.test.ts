import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, test } from "node:test";
import { connect } from "holdfast";
import { IDLE_MEMORY_MS, type Backend } from "holdfast/backend";
import { migrationSql, mysql, mysqlFromUrl } from "holdfast/mysql";
import { createPool } from "mysql2";
import { findProgram } from "../servers/install.ts";
import { poolOf } from "../servers/mysql-environment.ts";
import { startMysql } from "../servers/mysql.ts";
import { admit, opened, release, until } from "./mysql-process.ts";

const server = await startMysql(["innodb-print-all-deadlocks=ON", "innodb-flush-log-at-trx-commit=2"]);
after(() => server.stop());

test("one process makes the tables while others wait", async () => {
  const backends = await Promise.all(
    Array.from({ length: 8 }, () => mysqlFromUrl(server.url, { prefix: "many_" })),
  );
  await Promise.all(backends.map((backend) => opened(backend, "many")));
  const [row] = await server.query("SELECT COUNT(*) AS count FROM many_space");
  assert.equal(row?.["count"], 1);
  await Promise.all(backends.map((backend) => backend.close()));
});

test("a user who may not create: says what to do; served once the owner has run the script", async () => {
  await server.query("CREATE USER app@127.0.0.1");
  await server.query("GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE ON app.* TO app@127.0.0.1");
  const url = server.url.replace("root@", "app@");
  const backend = await mysqlFromUrl(url, { prefix: "owned_" });
  await assert.rejects(opened(backend, "app"), /migrationSql\(\)/);
  await backend.close();
  const script = spawnSync(
    findProgram("mariadb") ?? "mariadb",
    ["--no-defaults", "-h127.0.0.1", `-P${server.port}`, "-uroot", "app"],
    { input: migrationSql("owned_").repeat(2), encoding: "utf8" },
  );
  assert.equal(script.status, 0, script.stderr);
  const allowed = await mysqlFromUrl(`${url}?prefix=owned_`);
  const root = await mysqlFromUrl(server.url, { prefix: "owned_" });
  const [a, b] = [await opened(allowed, "app"), await opened(root, "app")];
  assert.equal((await admit(allowed, "r", `${a.id}:1`)).kind, "granted");
  assert.equal((await admit(root, "r", `${b.id}:1`)).kind, "waiting");
  const write = { collection: "c", key: "k", value: "1", revision: "1", opId: "1" };
  assert.equal((await allowed.write([write])).kind, "written");
  // It may not interrupt a session of somebody else's: the step is done all the same, and the grant
  // is heard when the session has slept enough.
  assert.equal(await release(allowed, "r", `${a.id}:1`), "released");
  await until("granted", () => b.heard.granted.includes(`${b.id}:1`));
  await allowed.close();
  await root.close();
});

test("a prefix is a plain name, and a URL names a database", async () => {
  for (const prefix of ["", "x`; DROP TABLE y; --", "1x", "X_", "x-y", "x".repeat(33)]) {
    assert.throws(() => migrationSql(prefix), RangeError);
    await assert.rejects(mysqlFromUrl(server.url, { prefix }), RangeError);
  }
  for (const url of ["mysql://localhost", "mysql://localhost/", "mysql:"]) {
    await assert.rejects(connect(url), TypeError);
  }
});

test("sessions with other defaults: isolation, time zone, charset and modes change nothing", async () => {
  const pool = poolOf(`${server.url}?charset=latin1_swedish_ci`);
  pool.pool.on("connection", (connection) => {
    const set = (text: string): void => void connection.query(`SET SESSION ${text}`);
    set("TRANSACTION ISOLATION LEVEL SERIALIZABLE");
    set("time_zone = '+05:45'");
    set("sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES'");
  });
  const [odd, plain] = [mysql(pool), await mysqlFromUrl(server.url)];
  const [a, b] = [await opened(odd, "odd \\ 'é' 🙂"), await opened(plain, "odd \\ 'é' 🙂")];
  const name = "it's \"ö\" \\ 🙂 ";
  const kinds = await Promise.all(
    Array.from({ length: 12 }, async (_, index) => (await admit(odd, name, `${a.id}:${index}`)).kind),
  );
  assert.equal(kinds.filter((kind) => kind === "granted").length, 1);
  assert.equal((await admit(plain, name, `${b.id}:1`)).kind, "waiting");
  const [seen, same] = [await odd.inspect(name), await plain.inspect(name)];
  assert.deepEqual(seen.places, same.places);
  assert.ok(Math.abs(seen.now - same.now) < 60_000);
  const write = { value: JSON.stringify(name), revision: name, opId: name, author: name };
  await odd.write([{ collection: name, key: name, ...write }]);
  assert.equal((await plain.read(name, name))?.value, JSON.stringify(name));
  await odd.close();
  await plain.close();
  await pool.end();
});

test("sessions without autocommit are refused at once", async () => {
  const pool = poolOf(server.url);
  pool.pool.on("connection", (connection) => void connection.query("SET SESSION autocommit = 0"));
  const backend = mysql(pool);
  await assert.rejects(opened(backend, "manual"), /autocommit/);
  await backend.close();
  await pool.end();
});

test("a pool of callbacks does as well", async () => {
  const pool = createPool({ uri: server.url, connectionLimit: 1 });
  const backend = mysql(pool as never);
  const { id, heard } = await opened(backend, "callbacks");
  await admit(backend, "r", `${id}:1`);
  await admit(backend, "r", `${id}:2`);
  await release(backend, "r", `${id}:1`);
  await until("granted", () => heard.granted.includes(`${id}:2`));
  await backend.close();
  await new Promise((resolve) => pool.end(resolve));
});

test("batches that overlap in opposite orders do not deadlock", async () => {
  const before = server.log().length;
  const backend = await mysqlFromUrl(server.url);
  const { id } = await opened(backend, "batches");
  const names = Array.from({ length: 20 }, (_, index) => `r${index}`);
  let count = 0;
  await Promise.all(
    Array.from({ length: 12 }, async (_, round) => {
      const order = round % 2 === 0 ? names : [...names].reverse();
      const leases = order.map((resource) => ({ resource, leaseId: `${id}:${(count += 1)}` }));
      const terms = { permits: 1, capacity: 1, ttlMs: 10_000, wait: true };
      await backend.admit(leases.map((lease) => ({ ...lease, ...terms })));
      await backend.write(
        order.map((key) => ({ collection: "c", key, value: "1", revision: `${round}`, opId: `${round}` })),
      );
      await backend.release(leases);
    }),
  );
  await backend.close();
  assert.doesNotMatch(server.log().slice(before), /deadlock/i);
});

test("many hand-overs at a time do not make the server stand still", async () => {
  const backends = await Promise.all(Array.from({ length: 4 }, () => mysqlFromUrl(server.url)));
  const people = await Promise.all(
    backends.map(async (backend) => ({ backend, ...(await opened(backend, "stampede")) })),
  );
  await Promise.all(
    people.flatMap(({ backend, id, heard }) =>
      Array.from({ length: 12 }, async (_, at) => {
        for (let round = 0; round < 40; round += 1) {
          const [resource, leaseId] = [`r${at % 3}`, `${id}:${at}.${round}`];
          if ((await admit(backend, resource, leaseId)).kind === "waiting") {
            await until("it is granted", () => heard.granted.includes(leaseId), 60_000);
          }
          assert.equal(await release(backend, resource, leaseId), "released");
        }
      }),
    ),
  );
  await Promise.all(backends.map((backend) => backend.close()));
});

test("locks that are swept away while they are taken again are not lost", async () => {
  const [one, two] = [await mysqlFromUrl(server.url), await mysqlFromUrl(server.url)];
  const [a, b] = [await opened(one, "swept"), await opened(two, "swept")];
  const over = new AbortController();
  // So far ahead that an idle lock is old, and one that is held is not.
  const aheadMs = IDLE_MEMORY_MS + 1_000;
  const sweeping = (async () => {
    while (!over.signal.aborted) {
      await server.query("CALL holdfast_sweep_2(?, 20)", [(await one.time()) + aheadMs]);
    }
  })();
  const use = async (backend: Backend, id: string): Promise<void> => {
    for (let count = 0; count < 600; count += 1) {
      // Taken twice: the row is new, and then old enough for the one who sweeps.
      const resource = `${id} ${count >> 1}`;
      assert.equal((await admit(backend, resource, `${id}:${count}`)).kind, "granted");
      assert.equal(await release(backend, resource, `${id}:${count}`), "released");
    }
  };
  await Promise.all([use(one, a.id), use(one, `${a.id}'`), use(two, b.id), use(two, `${b.id}'`)]).finally(
    () => over.abort(),
  );
  await sweeping;
  await one.close();
  await two.close();
});

test("diagnosis says what follows for safety", async () => {
  const backend = await mysqlFromUrl(server.url);
  await opened(backend, "doctor");
  const levels = Object.fromEntries(
    ((await backend.diagnose?.()) ?? []).map(({ subject, level }) => [subject, level]),
  );
  assert.deepEqual(levels, {
    version: "ok",
    role: "ok",
    isolation: "ok",
    durability: "warning",
    replication: "ok",
    connections: "ok",
    "wake-up": "ok",
    clock: "ok",
  });
  await backend.close();
});
