import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Coordinator } from "holdfast";
import { FaultProxy } from "holdfast/testkit";
import { startRedis, type RedisServer } from "../servers/redis.ts";

/** A request took effect, its reply never arrived, and the connection is gone. */
describe("a reply that is lost", () => {
  let server: RedisServer;
  let proxy: FaultProxy;
  let hf: Coordinator;
  let onlooker: Coordinator;

  before(async () => {
    server = await startRedis();
    proxy = await FaultProxy.start({ port: server.port });
    hf = await connect(`redis://127.0.0.1:${proxy.port}`);
    onlooker = await connect(server.url);
  });
  after(async () => {
    await hf?.close();
    await onlooker?.close();
    await proxy?.close();
    await server?.stop();
  });
  const losing = (key: string): Promise<void> => proxy.dropNextReply((request) => request.includes(key));

  test("of a conditional write: it is repeated, and has one effect", async () => {
    const numbers = hf.records<number>("numbers");
    const lost = losing("v:conditional");
    const record = await numbers.put("conditional", 1, { ifRevision: null });
    await lost;
    assert.deepEqual(await onlooker.records("numbers").get("conditional"), record);
  });

  test("of an edit: it is counted once", async () => {
    const numbers = hf.records<number>("numbers");
    await numbers.put("edited", 1);
    const lost = losing("evalsha"); // the write, not the read before it
    await numbers.update("edited", (count) => (count ?? 0) + 1);
    await lost;
    assert.equal((await onlooker.records("numbers").get("edited"))?.value, 2);
  });

  test("of a write without condition: it is repeated, and has one effect", async () => {
    const lost = losing("v:blind");
    const record = await hf.records("numbers").put("blind", 1);
    await lost;
    assert.deepEqual(await onlooker.records("numbers").get("blind"), record);
  });

  test("of an admission: it is asked for again, and one place is held", async () => {
    const lost = losing("{admitted}");
    const lease = await hf.mutex("admitted").lock();
    await lost;
    const { holders, waiters } = await onlooker.inspect("admitted");
    assert.deepEqual([holders.map(({ token }) => token), waiters], [[lease.token], []]);
    await lease.release();
  });

  test("of a release: it is asked for again, and frees the lock", async () => {
    const lease = await hf.mutex("released").lock();
    const lost = losing("{released}");
    await lease.release();
    await lost;
    await (await onlooker.mutex("released").lock({ waitMs: 1_000 })).release();
  });

  test("and a release that never arrived is sent again", async () => {
    const lease = await hf.mutex("swallowed").lock();
    proxy.blackhole("requests");
    const releasing = lease.release();
    await sleep(50);
    proxy.heal();
    await releasing;
    await (await onlooker.mutex("swallowed").lock({ waitMs: 1_000 })).release();
  });
});
