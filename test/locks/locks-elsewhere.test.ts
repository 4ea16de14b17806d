import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connect, StaleTokenError, type Coordinator } from "holdfast";
import { startEtcd, type EtcdServer } from "../servers/etcd.ts";
import { leftOut } from "../servers/install.ts";
import { storeUrls, type StartedStore } from "./store-urls.ts";

const skip = leftOut("etcd") || leftOut("redis") || leftOut("postgres");

/** Locks in one store guard records in another: there the record keeps the highest token it has seen. */
describe("locks in etcd, records elsewhere", { skip }, () => {
  let etcd: EtcdServer;
  before(async () => {
    etcd = await startEtcd();
  });
  after(async () => etcd?.stop());

  for (const { name, start } of storeUrls) {
    test(`a token of etcd fences a record in ${name}`, async () => {
      const store: StartedStore = await start();
      const open: Coordinator[] = [];
      const join = async (): Promise<Coordinator> => {
        const hf = await connect(store.url, { locks: etcd.url });
        open.push(hf);
        return hf;
      };
      try {
        const [here, there] = [await join(), await join()];
        const [mine, theirs] = [here.records<string>("reports"), there.records<string>("reports")];
        const name = `report of ${store.url}`;

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
