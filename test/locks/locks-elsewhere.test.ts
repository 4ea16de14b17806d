import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connect, StaleTokenError, type Coordinator } from "holdfast";
import { startEtcd } from "../servers/etcd.ts";
import { leftOut, type ServerName } from "../servers/install.ts";
import { startZooKeeper } from "../servers/zookeeper.ts";
import { storeUrls, type StartedStore } from "./store-urls.ts";

interface LockStore {
  readonly name: string;
  readonly server: ServerName;
  start(): Promise<StartedStore>;
}

const LOCK_STORES: readonly LockStore[] = [
  { name: "etcd", server: "etcd", start: startEtcd },
  { name: "ZooKeeper", server: "zookeeper", start: () => startZooKeeper() },
];

/** Locks in one store guard records in another: there the record keeps the highest token it has seen. */
for (const lockStore of LOCK_STORES) guard(lockStore);

function guard({ name: locksIn, server, start: startLocks }: LockStore): void {
  const skip = leftOut(server) || leftOut("redis") || leftOut("postgres") || leftOut("mariadb");
  describe(`locks in ${locksIn}, records elsewhere`, { skip }, () => {
    let locks: StartedStore;
    before(async () => {
      locks = await startLocks();
    });
    after(async () => locks?.stop());

    for (const { name, start } of storeUrls.filter((each) => each.name !== "ZooKeeper")) {
      test(`a token of ${locksIn} fences a record in ${name}`, async () => {
        const store: StartedStore = await start();
        const open: Coordinator[] = [];
        const join = async (): Promise<Coordinator> => {
          const hf = await connect(store.url, { locks: locks.url });
          open.push(hf);
          return hf;
        };
        try {
          const [here, there] = [await join(), await join()];
          const [mine, theirs] = [here.records<string>("reports"), there.records<string>("reports")];
          // A record knows locks by name: tokens of different stores do not compare.
          const name = `report of ${locksIn}, ${store.url}`;

          const first = await here.mutex(name).lock();
          await mine.put("today", "first", { fence: first });
          // Stands in for a pause: the lease ends, and somebody else takes the lock.
          await there.forceRelease(name, { reason: "test" });
          const second = await there.mutex(name).lock();
          assert.ok(second.token > first.token);
          await theirs.put("today", "second", { fence: second });

          await assert.rejects(mine.put("today", "first, late", { fence: first }), StaleTokenError);
          await assert.rejects(mine.delete("today", { fence: first }), StaleTokenError);
          assert.equal((await mine.get("today"))?.value, "second");
          // Over a delete, too; and the token alone is enough.
          await theirs.delete("today", { fence: { resource: name, token: second.token } });
          await assert.rejects(mine.put("today", "first, later", { fence: first }), StaleTokenError);

          // A term of an election is a lease like any other.
          await second.release();
          const written = await there.election(name).lead("there", async (term) => {
            assert.ok(term.token > second.token);
            return theirs.put("today", "a leader's", { fence: term });
          });
          assert.equal(written.value, "a leader's");
          await assert.rejects(
            theirs.put("today", "second, late", { fence: { resource: name, token: second.token } }),
            StaleTokenError,
          );
        } finally {
          await Promise.all(open.map((hf) => hf.close()));
          await store.stop();
        }
      });
    }
  });
}
