import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { BackendError } from "holdfast";
import { sqlite } from "holdfast/sqlite";
import { systemClock } from "#src/clock.js";
import { findDriver } from "#src/backends/sqlite/driver.js";
import { mayLoseCommits } from "#src/backends/sqlite/version.js";
import { connection, directoryOf, mutex, opened, sessionOf } from "./sqlite-harness.ts";

async function refuses(file: string, reason: RegExp): Promise<void> {
  const backend = sqlite(file);
  await assert.rejects(backend.open(sessionOf("p")), (error) => {
    assert.ok(error instanceof BackendError, String(error));
    assert.equal(error.outcome, "not-applied");
    assert.match(error.message, reason);
    return true;
  });
  await backend.close();
}

test("a path that cannot be used is refused with what to do about it", async (t) => {
  const directory = directoryOf(t);
  await refuses(join(directory, "none", "a.db"), /there is no directory ".*none"; create it first/);
  await refuses(directory, /is a directory; name a file in it/);
  const letter = join(directory, "letter.txt");
  writeFileSync(letter, "Dear reader, ".repeat(1_000));
  await refuses(letter, /file is not a database; choose another path/);
  await refuses(join(letter, "a.db"), /"[^"]*letter.txt" is not a directory|no directory/);
});

test("a file that this user may not write is refused", async (t) => {
  const directory = directoryOf(t);
  const file = join(directory, "a.db");
  connection(file).exec("CREATE TABLE mine (x)");
  chmodSync(file, 0o444);
  chmodSync(directory, 0o555);
  await asNobody(() => refuses(file, /may not|give this user write access|this user may write/));
  chmodSync(directory, 0o755);
});

test("tables of a newer Holdfast and other encodings are refused", async (t) => {
  const directory = directoryOf(t);
  const newer = join(directory, "newer.db");
  await (await opened(t, sqlite(newer), sessionOf("p"))).close();
  connection(newer).exec("UPDATE holdfast_meta SET schema = 99");
  await refuses(newer, /a newer Holdfast made the tables/);
  const wide = join(directory, "wide.db");
  connection(wide).exec("PRAGMA encoding = 'UTF-16le'; CREATE TABLE mine (x)");
  await refuses(wide, /UTF-16le, not UTF-8/);
});

test("misuse is told before anything is opened", () => {
  assert.throws(() => sqlite(""), TypeError);
  assert.throws(() => sqlite({} as never), /takes a path or an open database/);
  assert.throws(() => sqlite("a.db", { busyMs: -1 }), RangeError);
  assert.throws(() => sqlite("a.db", { synchronous: "off" as never }), /one of normal, full/);
  assert.throws(() => sqlite("a.db", { driver: "sqlite3" as never }), RangeError);
});

test("a driver that is not there is told, with what to install", async (t) => {
  const builtIn = process.getBuiltinModule as ((id: string) => unknown) | undefined;
  if (builtIn?.("node:sqlite") !== undefined) return t.skip("this Node has node:sqlite");
  assert.throws(() => findDriver("node:sqlite"), /npm install libsql.*not part of Node/s);
});

test("many processes may open a new file at once", async (t) => {
  const file = join(directoryOf(t), "a.db");
  const backends = Array.from({ length: 12 }, () => sqlite(file));
  await Promise.all(backends.map((backend, at) => opened(t, backend, sessionOf(`p${at}`))));
  assert.equal((await backends[0]?.admit([mutex("r", "p0:1")]))?.results[0]?.kind, "granted");
});

test("a file that was deleted or replaced under a process is no longer written to", async (t) => {
  const directory = directoryOf(t);
  const file = join(directory, "a.db");
  let ahead = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + ahead };
  const backend = await opened(t, sqlite(file, { clock }), sessionOf("p"));
  await backend.admit([mutex("r", "p:1")]);
  renameSync(file, join(directory, "moved.db"));
  ahead += 1_000;
  await assert.rejects(backend.admit([mutex("r", "p:2")]), /deleted or replaced while open/);
  await assert.rejects(backend.time(), /restart this process/);
  const findings = await backend.diagnose?.();
  assert.equal(findings?.find(({ subject }) => subject === "file system")?.level, "danger");
});

test("the log stays short, however much is written", async (t) => {
  const file = join(directoryOf(t), "a.db");
  const backend = await opened(t, sqlite(file), sessionOf("p"));
  let longest = 0;
  for (let at = 0; at < 1_500; at += 1) {
    const value = `"${"x".repeat(6_000)}"`;
    await backend.write([{ collection: "c", key: `${at % 50}`, value, revision: `${at}`, opId: `${at}` }]);
    if (at % 50 === 0) longest = Math.max(longest, statSync(`${file}-wal`).size);
  }
  assert.ok(longest > 1_000_000, "something was written");
  assert.ok(longest < 8_000_000, `the log grew to ${longest} bytes`);
});

test("idle locks leave while another one is used on and on", async (t) => {
  const file = join(directoryOf(t), "a.db");
  let now = 1_700_000_000_000;
  const backend = await opened(t, sqlite(file, { now: () => now }), sessionOf("p"));
  const many = Array.from({ length: 300 }, (_, at) => mutex(`r${at}`, `p:${at}`, 1_000));
  await backend.admit([...many, mutex("used", "p:used", 300_000)]);
  for (let minute = 0; minute < 40; minute += 1) {
    now += 60_000;
    await backend.renew([{ resource: "used", leaseId: "p:used", ttlMs: 300_000 }]);
  }
  const row = connection(file).prepare("SELECT count(*) AS count FROM holdfast_lock").get();
  assert.equal((row as { readonly count: number }).count, 1);
});

test("what a process leaves beside the file goes when it closes, or when the next one opens", async (t) => {
  const directory = directoryOf(t);
  const file = join(directory, "a.db");
  const wake = `${file}-wake`;
  mkdirSync(wake);
  const dead = join(wake, "0123456789abcdef");
  writeFileSync(dead, `{"host":${JSON.stringify(hostname())},"pid":${deadPid()}}\n{"kind":"turn"}\n`);
  const elsewhere = join(wake, "fedcba9876543210");
  writeFileSync(elsewhere, '{"host":"another machine","pid":1}\n');
  const backend = await opened(t, sqlite(file), sessionOf("p"));
  assert.ok(!existsSync(dead), "its process is gone");
  assert.ok(existsSync(elsewhere), "whose process cannot be seen from here");
  assert.equal(readdirSync(wake).length, 2);
  rmSync(elsewhere);
  await backend.close();
  assert.ok(!existsSync(wake));
});

test("who may use the database may use what is beside it", async (t) => {
  const file = join(directoryOf(t), "a.db");
  connection(file).exec("CREATE TABLE mine (x)");
  chmodSync(file, 0o660);
  await opened(t, sqlite(file), sessionOf("p"));
  const wake = `${file}-wake`;
  assert.equal(statSync(wake).mode & 0o777, 0o770);
  const [mailbox = ""] = readdirSync(wake);
  assert.equal(statSync(join(wake, mailbox)).mode & 0o777, 0o660);
});

test("diagnosis says what is so and what follows", async (t) => {
  const file = join(directoryOf(t), "a.db");
  const backend = await opened(t, sqlite(file), sessionOf("p"));
  const findings = (await backend.diagnose?.()) ?? [];
  const levels = Object.fromEntries(findings.map(({ subject, level }) => [subject, level]));
  const expected = ["driver", "journal", "file system", "permissions", "push channel", "clock"];
  assert.deepEqual(levels, Object.fromEntries(expected.map((subject) => [subject, "ok"])));
  chmodSync(file, 0o666);
  const warned = (await backend.diagnose?.())?.find(({ subject }) => subject === "permissions");
  assert.equal(warned?.level, "warning");
  assert.match(warned?.remedy ?? "", /chmod o-w/);
});

test("versions of SQLite that may lose commits are known", () => {
  const lossy = ["3.45.1", "3.51.2", "3.50.6", "3.44.5", "3.7.0", "3.49.9"];
  const mended = ["3.51.3", "3.53.4", "3.50.7", "3.44.6", "3.54.1", "4.0.0"];
  for (const version of lossy) assert.ok(mayLoseCommits(version), version);
  for (const version of mended) assert.ok(!mayLoseCommits(version), version);
});

/** Root may write everywhere, so it steps down for a while. */
async function asNobody(act: () => Promise<void>): Promise<void> {
  const nobody = 65_534;
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(nobody);
  try {
    await act();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

/** A number that no process has: the highest that Linux gives out. */
const deadPid = (): number => 4_194_303;

test("records of the first tables are carried over: heads become first versions", async (t) => {
  const file = join(directoryOf(t), "a.db");
  connection(file).exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE holdfast_meta (
      id INTEGER PRIMARY KEY CHECK (id = 1), schema INTEGER NOT NULL, revision INTEGER NOT NULL
    );
    CREATE TABLE holdfast_lock (
      namespace TEXT NOT NULL, name TEXT NOT NULL, queue TEXT NOT NULL,
      revocations TEXT NOT NULL DEFAULT '[]', forget_at INTEGER NOT NULL, PRIMARY KEY (namespace, name)
    ) WITHOUT ROWID;
    CREATE INDEX holdfast_lock_idle ON holdfast_lock (forget_at);
    CREATE TABLE holdfast_record (
      id INTEGER PRIMARY KEY,
      namespace TEXT NOT NULL, collection TEXT NOT NULL, key TEXT NOT NULL, value TEXT,
      revision INTEGER NOT NULL, updated_at INTEGER NOT NULL, author TEXT, op_id TEXT NOT NULL, fences TEXT,
      UNIQUE (namespace, collection, key)
    );
    INSERT INTO holdfast_meta VALUES (1, 1, 1700000000000009);
    INSERT INTO holdfast_record VALUES
      (1, 'n', 'c', 'kept', '{"a":1}', 1700000000000008, 1700000000000, 'ann', 'one', '[["lock","2048"]]'),
      (2, 'n', 'c', 'gone', NULL, 1700000000000009, 1700000000001, NULL, 'two', NULL),
      (3, 'n', 'd', 'kept', '2', 1700000000000002, 1700000000002, NULL, 'three', NULL);
  `);
  const backends = await Promise.all(
    ["p", "q", "r"].map((name) => opened(t, sqlite(file), { ...sessionOf(name), namespace: "n" })),
  );
  const backend = backends[0]!;
  assert.deepEqual(await backend.read("c", "kept"), {
    key: "kept",
    value: '{"a":1}',
    revision: "1700000000000008",
    updatedAt: 1_700_000_000_000,
    author: "ann",
  });
  assert.equal(await backend.read("c", "gone"), null);
  const write = { collection: "c", key: "kept", value: "3", ifRevision: "1700000000000008", revision: "new" };
  const stale = { ...write, opId: "four", fence: { resource: "lock", token: 1_024n, shared: false } };
  assert.equal((await backend.write([stale])).kind, "stale");
  assert.equal((await backend.write([{ ...write, opId: "one" }])).kind, "written", "a replay");
  assert.equal((await backend.write([{ ...write, opId: "four" }])).kind, "written");
  const page = await backends[1]!.changes("c", null, 10);
  assert.ok(page.kind === "page");
  const shown = page.versions.map(({ key, revision, parents }) => [key, revision, parents]);
  assert.deepEqual(shown, [
    ["kept", "1700000000000008", []],
    ["gone", "1700000000000009", []],
    ["kept", "new", ["1700000000000008"]],
  ]);
});
