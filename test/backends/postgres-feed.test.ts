import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Backend, FeedPosition, Session } from "holdfast/backend";
import { postgres, type PostgresPool } from "holdfast/postgres";
import { poolOf } from "../servers/postgres-environment.ts";
import { startPostgres } from "../servers/postgres.ts";

const server = await startPostgres();
const pool = poolOf(server.url, 8);
after(async () => {
  await pool.end();
  await server.stop();
});

const collection = "c";
let made = 0;

async function opened(namespace: string, over: PostgresPool = pool): Promise<Backend> {
  const backend = postgres(over);
  const session: Session = {
    namespace,
    processId: `p${(made += 1)}`,
    owner: { host: "here", pid: 1 },
    claimMs: 1_000,
    patienceMs: 1_000,
    listener: { granted() {}, revoked() {}, contended() {}, look() {} },
  };
  await backend.open(session);
  return backend;
}

/** A backend whose calls stay inside a transaction until it is ended by the test. */
async function inTransaction(
  namespace: string,
): Promise<{ backend: Backend; end(how: string): Promise<void> }> {
  const client = await pool.connect();
  let isOpen = false;
  const held = {
    query: client.query.bind(client),
    on: () => undefined,
    removeListener: () => undefined,
    release: () => undefined,
  };
  const connect = (): Promise<unknown> => (isOpen ? Promise.resolve(held) : pool.connect());
  const backend = await opened(namespace, { connect } as PostgresPool);
  await client.query("BEGIN");
  isOpen = true;
  return {
    backend,
    async end(how) {
      await client.query(how);
      client.release();
    },
  };
}

async function write(backend: Backend, key: string): Promise<string> {
  const revision = `r${(made += 1)}`;
  const { kind } = await backend.write([{ collection, key, value: "1", revision, opId: revision }]);
  assert.equal(kind, "written");
  return revision;
}

async function rest(
  backend: Backend,
  after: FeedPosition | null,
): Promise<{ revisions: readonly string[]; position: FeedPosition }> {
  const page = await backend.changes(collection, after, 100);
  assert.ok(page.kind === "page");
  return { revisions: page.versions.map(({ revision }) => revision), position: page.position };
}

test("a transaction that is open for long holds up no reader, and is shown last", async () => {
  const reader = await opened("slow");
  const before = await write(reader, "before");
  const slow = await inTransaction("slow");
  const late = await write(slow.backend, "slow");
  const quick = [await write(reader, "quick"), await write(reader, "quick")];
  const first = await rest(reader, null);
  assert.deepEqual(first.revisions, [before, ...quick]);
  const end = await reader.feedEnd(collection);
  assert.deepEqual(end, first.position);
  await slow.end("COMMIT");
  assert.deepEqual((await rest(reader, end)).revisions, [late]);
  assert.deepEqual((await rest(reader, null)).revisions, [before, ...quick, late]);
  await reader.close();
});

test("a transaction that is rolled back leaves nothing, and no reader waits for it", async () => {
  const reader = await opened("undone");
  const before = await write(reader, "before");
  const slow = await inTransaction("undone");
  await write(slow.backend, "slow");
  const { revisions, position } = await rest(reader, null);
  assert.deepEqual(revisions, [before]);
  await slow.end("ROLLBACK");
  const next = await write(reader, "next");
  assert.deepEqual((await rest(reader, position)).revisions, [next]);
  await reader.close();
});

test("places given by a reader whose transaction is rolled back are given anew", async () => {
  const writer = await opened("reader");
  const written = [await write(writer, "a"), await write(writer, "b")];
  const slow = await inTransaction("reader");
  assert.deepEqual((await rest(slow.backend, null)).revisions, written);
  const waiting = rest(writer, null);
  written.push(await write(writer, "a"));
  await slow.end("ROLLBACK");
  const { revisions, position } = await waiting;
  const later = (await rest(writer, position)).revisions;
  assert.deepEqual([...revisions, ...later], written);
  await writer.close();
});
