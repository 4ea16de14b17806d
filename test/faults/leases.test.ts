import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connect, LeaseLostError, type ConnectOptions, type Coordinator } from "holdfast";
import { Actor } from "./actor.ts";
import { storeKinds, type FaultyStore } from "./stores.ts";

const TTL_MS = 1_000;
const CLAIM_MS = 500;
/** What a loaded machine may add to any of the times below, which are bounds of the contract. */
const SLACK_MS = 700;

/** Fallback polls are a minute apart: whatever works here works by message or by knowing the deadline. */
const OPTIONS: ConnectOptions = { ttlMs: TTL_MS, claimMs: CLAIM_MS, fallbackMs: 60_000, callMs: 1_500 };

const now = (): number => performance.now();
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const giveUpAt = now() + 10_000;
  while (!(await condition())) {
    assert.ok(now() < giveUpAt, `still not so after 10 s: ${what}`);
    await sleep(5);
  }
}

for (const kind of storeKinds) {
  describe(`leases under faults on ${kind.name}`, () => {
    let store: FaultyStore;
    let observer: Coordinator;
    const actors: Actor[] = [];
    let names = 0;
    const freshName = (): string => `job:${++names}`;

    const actor = async (): Promise<Actor> => {
      const started = await Actor.start(store.url, OPTIONS);
      actors.push(started);
      return started;
    };
    const waiting = (name: string, count: number): Promise<void> =>
      until(async () => (await observer.inspect(name)).waiters.length === count, `${count} wait for ${name}`);

    before(async () => {
      store = await kind.start();
      observer = await connect(store.url, OPTIONS);
    });
    after(async () => {
      await Promise.all(actors.map((each) => each.kill()));
      await observer?.close();
      await store?.stop();
    });

    test("first come, first served over four processes", async () => {
      const name = freshName();
      const all = await Promise.all([actor(), actor(), actor(), actor()]);
      const order: number[] = [];
      await all[0]!.do("lock", name);
      const turns: Promise<void>[] = [];
      for (const index of [2, 1, 3]) {
        const turn = all[index]!.do("lock", name).then(async () => {
          order.push(index);
          await all[index]!.do("release", name);
        });
        turns.push(turn);
        await waiting(name, turns.length);
      }
      await all[0]!.do("release", name);
      await Promise.all(turns);
      assert.deepEqual(order, [2, 1, 3]);
      await Promise.all(all.map((each) => each.kill()));
    });

    test("a waiter killed in the queue delays the next one by its claim deadline at most", async () => {
      const name = freshName();
      const [holder, dead, next] = await Promise.all([actor(), actor(), actor()]);
      await holder.do("lock", name);
      dead.do("lock", name).catch(() => undefined);
      await waiting(name, 1);
      const served = next.do("lock", name);
      await waiting(name, 2);
      await dead.kill();
      const releasedAt = now();
      await holder.do("release", name);
      await served;
      assert.ok(now() - releasedAt < CLAIM_MS + SLACK_MS, `took ${Math.round(now() - releasedAt)} ms`);
    });

    test("a holder killed while holding frees the lock within its time to live", async () => {
      const name = freshName();
      const [holder, next] = await Promise.all([actor(), actor()]);
      const { token } = await holder.do("lock", name);
      const served = next.do("lock", name);
      await waiting(name, 1);
      await holder.kill();
      const killedAt = now();
      const granted = await served;
      assert.ok(now() - killedAt < TTL_MS + SLACK_MS, `took ${Math.round(now() - killedAt)} ms`);
      assert.ok(BigInt(granted.token) > BigInt(token));
    });

    test("a paused holder is fenced off: the next one enters, its own late write is refused", async () => {
      const name = freshName();
      const [paused, next] = await Promise.all([actor(), actor()]);
      await paused.do("lock", name);
      assert.equal(await paused.do("put", name, "before", name), "written");
      paused.signal("SIGSTOP");
      await next.do("lock", name);
      const late = paused.do("put", name, "late", name);
      paused.signal("SIGCONT");
      assert.equal(await late, "StaleTokenError");
      assert.equal(await paused.do("isLost", name), true);
      assert.equal(await paused.do("release", name), "LeaseLostError");
      assert.equal(await next.do("put", name, "next", name), "written");
      assert.equal((await observer.records("actors").get(name))?.value, "next");
      await next.do("release", name);
    });

    test("a frozen store: lost fires by the deadline, nothing stays pending, all is well after", async () => {
      const name = freshName();
      await withCoordinator(await connect(store.url, OPTIONS), async (hf) => {
        const lease = await hf.mutex(name).lock();
        const waiter = hf.mutex(name, { fair: "strict" }).lock();
        waiter.catch(() => undefined);
        let lostAt = 0;
        lease.lost.addEventListener("abort", () => (lostAt = now()));
        await store.freeze();
        const frozenAt = now();
        const trying = hf
          .mutex(freshName())
          .tryLock()
          .then(
            () => "granted",
            (error: Error) => error.name,
          );
        const reading = hf
          .records("actors")
          .get(name)
          .then(
            () => "read",
            (error: Error) => error.name,
          );
        await until(async () => lostAt > 0, "the lease is lost");
        assert.ok(lostAt - frozenAt <= TTL_MS + 50, `lost after ${Math.round(lostAt - frozenAt)} ms`);
        assert.ok(lease.lost.reason instanceof LeaseLostError);
        await assert.rejects(lease.release(), LeaseLostError);
        assert.equal(await trying, "BackendError");
        assert.ok(["BackendError", "read"].includes(await reading));
        await store.thaw();
        const late = await Promise.race([waiter, sleep(8_000).then(() => null)]).catch(
          (error: Error) => error,
        );
        assert.notEqual(late, null, "the waiter is still pending");
        if (!(late instanceof Error)) await late!.release();
        const again = await hf.mutex(name).lock({ waitMs: 5_000 });
        assert.ok(again.token > lease.token);
        await again.release();
      });
    });
  });
}

async function withCoordinator(hf: Coordinator, work: (hf: Coordinator) => Promise<void>): Promise<void> {
  try {
    await work(hf);
  } finally {
    await hf.close();
  }
}
