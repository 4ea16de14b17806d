import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  ClosedError,
  connect,
  ConflictError,
  HoldfastError,
  LeaseLostError,
  LockTimeoutError,
  optimistic,
  pessimistic,
  StaleTokenError,
  type ConnectOptions,
  type Coordinator,
  type Lease,
} from "holdfast";
import { storeUrls, type StartedStore } from "./store-urls.ts";

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function until(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
  for (let i = 0; i < 2_000; i++) {
    if (await condition()) return;
    await sleep(2);
  }
  assert.fail(`never came true: ${what}`);
}

for (const { name: store, fencing, start } of storeUrls) {
  describe(`the public API on ${store}`, () => {
    let started: StartedStore;
    let apart: ConnectOptions = {};
    let a: Coordinator;
    let b: Coordinator;
    let names = 0;
    const fresh = (): string => `thing:${++names}`;
    const waiters = async (name: string): Promise<number> => (await a.inspect(name)).waiters.length;

    before(async () => {
      started = await start();
      if (started.locks !== undefined) apart = { locks: started.locks };
      a = await connect(started.url, { ...apart, label: "a" });
      b = await connect(started.url, { ...apart, label: "b", metadata: { role: "test" } });
    });
    after(async () => {
      await a?.close();
      await b?.close();
      await started?.stop();
    });

    test("a mutex has one holder; tryLock says null, lock waits its time", async () => {
      const name = fresh();
      const lease = await a.mutex(name).lock();
      assert.equal(await b.mutex(name).tryLock(), null);
      assert.equal(await a.mutex(name).tryLock(), null);
      await assert.rejects(b.mutex(name).lock({ waitMs: 30 }), (error) => {
        assert.ok(error instanceof LockTimeoutError && error instanceof HoldfastError);
        assert.deepEqual([error.resource, error.waitMs, error.ahead], [name, 30, 1]);
        return true;
      });
      await assert.rejects(b.mutex(name).lock({ waitMs: 0 }), LockTimeoutError);
      await lease.release();
      const next = await b.mutex(name).tryLock();
      assert.ok(next !== null && next.token > lease.token);
      await next.release();
      assert.equal((await a.inspect(name)).holders.length, 0);
    });

    test("release is idempotent and never frees a later holder", async () => {
      const name = fresh();
      const first = await a.mutex(name).lock();
      await first.release();
      const second = await b.mutex(name).lock();
      await first.release();
      await first[Symbol.asyncDispose]();
      assert.equal(await a.mutex(name).tryLock(), null);
      await second.release();
    });

    test("callers of one process get growing tokens, in order, also beyond a thousand", async () => {
      const name = fresh();
      const tokens: bigint[] = [];
      const order: number[] = [];
      await Promise.all(
        Array.from({ length: 1_500 }, (_, index) =>
          a.mutex(name).withLock(({ token }) => {
            tokens.push(token);
            order.push(index);
          }),
        ),
      );
      assert.ok(tokens.every((token, index) => index === 0 || token > tokens[index - 1]!));
      assert.deepEqual(
        order,
        [...order].sort((x, y) => x - y),
      );
    });

    test("withLock passes results and errors through, and frees the lock", async () => {
      const name = fresh();
      assert.equal(await a.mutex(name).withLock(async (lease) => typeof lease.token), "bigint");
      await assert.rejects(
        a.mutex(name).withLock(() => {
          throw new SyntaxError("mine");
        }),
        SyntaxError,
      );
      assert.notEqual(await (await b.mutex(name).tryLock())?.release(), null);
    });

    test("withLock fails closed when the lease was lost, but never hides the work's own error", async () => {
      const name = fresh();
      const losing = async (lease: Lease): Promise<string> => {
        await b.forceRelease(name, { reason: "test" });
        await until(() => lease.lost.aborted, "lost");
        return "done";
      };
      await assert.rejects(a.mutex(name).withLock(losing), LeaseLostError);
      await assert.rejects(
        a.mutex(name).withLock(async (lease) => {
          await losing(lease);
          throw new EvalError("mine");
        }),
        EvalError,
      );
    });

    test("a signal ends the wait with its reason and leaves no place behind", async () => {
      const name = fresh();
      const lease = await a.mutex(name).lock();
      const controller = new AbortController();
      const { signal } = controller;
      const remote = b.mutex(name).lock({ signal });
      const local = a.mutex(name).lock({ signal });
      remote.catch(() => undefined);
      local.catch(() => undefined);
      await until(async () => (await waiters(name)) === 2, "both wait");
      const reason = new RangeError("enough");
      controller.abort(reason);
      await assert.rejects(remote, (error) => error === reason);
      await assert.rejects(local, (error) => error === reason);
      await assert.rejects(b.mutex(name).tryLock({ signal }), (error) => error === reason);
      await until(async () => (await waiters(name)) === 0, "nobody waits");
      await lease.release();
      await (await b.mutex(name).lock({ waitMs: 1_000 })).release();
    });

    test("readers share, a writer excludes, and is not overtaken by later readers", async () => {
      const name = fresh();
      const readers = [await a.rwLock(name).read.lock(), await b.rwLock(name).read.lock()];
      assert.equal(await a.rwLock(name).write.tryLock(), null);
      const writing = a.rwLock(name).write.lock();
      await until(async () => (await waiters(name)) === 1, "the writer waits");
      assert.equal(await b.rwLock(name).read.tryLock(), null);
      const [view] = [await b.inspect(name)];
      assert.deepEqual(
        view.holders.map((each) => each.mode),
        ["shared", "shared"],
      );
      await Promise.all(readers.map((each) => each.release()));
      const writer = await writing;
      assert.deepEqual(
        (await b.inspect(name)).holders.map((each) => each.mode),
        ["exclusive"],
      );
      await writer.release();
    });

    test("a semaphore's permits are never exceeded, and wrong ones are refused", async () => {
      const name = fresh();
      const pool = a.semaphore(name, { permits: 4 });
      let used = 0;
      let most = 0;
      const work = async (permits: number): Promise<void> => {
        used += permits;
        most = Math.max(most, used);
        await sleep(2);
        used -= permits;
      };
      await Promise.all(
        [1, 2, 3, 4, 1, 1, 2, 4].map((permits, index) =>
          (index % 2 === 0 ? pool : b.semaphore(name, { permits: 4 })).withLock(() => work(permits), {
            permits,
          }),
        ),
      );
      assert.ok(most <= 4 && used === 0, `used ${most} of 4`);
      await assert.rejects(pool.lock({ permits: 5 }), RangeError);
      assert.throws(() => a.semaphore(name, { permits: 0 }), RangeError);
    });

    test("one name, two capacities: refused with a sentence, nobody disturbed", async () => {
      const name = fresh();
      const lease = await a.mutex(name).lock();
      await assert.rejects(b.semaphore(name, { permits: 3 }).lock(), /in use with capacity 1, not 3/);
      await assert.rejects(a.semaphore(name, { permits: 3 }).tryLock(), /in use with capacity 1, not 3/);
      await lease.release();
    });

    test("several at once: all or nothing, sorted, one time budget, no deadlock", async () => {
      const [x, y] = [fresh(), fresh()];
      const held = await a.mutex(y).lock();
      assert.equal(await b.all(b.mutex(x), b.mutex(y)).tryLock(), null);
      await assert.rejects(b.all(b.mutex(y), b.mutex(x)).lock({ waitMs: 40 }), LockTimeoutError);
      await (await a.mutex(x).lock({ waitMs: 1_000 })).release();
      await held.release();
      let inside = 0;
      const round = (hf: Coordinator, names: readonly string[]): Promise<void> =>
        hf.all(...names.map((each) => hf.mutex(each))).withLock(async () => {
          assert.equal(++inside, 1);
          await sleep(1);
          inside -= 1;
        });
      await Promise.all(
        Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? round(a, [x, y, x]) : round(b, [y, x]))),
      );
    });

    test("inspect and list show holders and waiters with their owners", async () => {
      const prefix = `${fresh()}/`;
      const lease = await a.mutex(`${prefix}b`).lock();
      const other = await b.mutex(`${prefix}a`).lock();
      const waiting = b.mutex(`${prefix}b`).lock();
      await until(async () => (await waiters(`${prefix}b`)) === 1, "b waits");
      const view = await b.inspect(`${prefix}b`);
      assert.deepEqual(
        [view.holders[0]?.token, view.holders[0]?.owner.label, view.holders[0]?.owner.pid],
        [lease.token, "a", process.pid],
      );
      assert.deepEqual([view.waiters[0]?.token, view.waiters[0]?.owner.metadata], [null, { role: "test" }]);
      const listed: string[] = [];
      for await (const { resource } of a.list({ prefix })) listed.push(resource);
      assert.deepEqual(listed, [`${prefix}a`, `${prefix}b`]);
      await lease.release();
      await (await waiting).release();
      await other.release();
    });

    test("forceRelease revokes, fences off at once, hands over and leaves a trail", async () => {
      const name = fresh();
      const records = a.records<number>("forced");
      const victim = await a.mutex(name).lock();
      const waiting = b.mutex(name).lock();
      await until(async () => (await waiters(name)) === 1, "b waits");
      const revoked = await b.forceRelease(name, { reason: "stuck job 17" });
      assert.deepEqual(
        revoked.map((place) => place.token),
        [victim.token],
      );
      if (fencing === "grant") {
        await assert.rejects(records.put(name, 1, { fence: victim }), StaleTokenError);
      }
      const next = await waiting;
      await records.put(name, 2, { fence: next });
      await assert.rejects(records.put(name, 3, { fence: victim }), StaleTokenError);
      await until(() => victim.lost.aborted, "the victim hears of it");
      assert.equal((victim.lost.reason as LeaseLostError).reason, "revoked");
      await assert.rejects(victim.release(), LeaseLostError);
      const [trail] = (await a.inspect(name)).revocations;
      assert.deepEqual(
        [trail?.reason, trail?.by.label, trail?.tokens],
        ["stuck job 17", "b", [victim.token]],
      );
      await next.release();
      assert.deepEqual(await b.forceRelease(name, { reason: "nobody there" }), []);
    });

    test("strict fairness: every caller stands in the store's queue", async () => {
      const name = fresh();
      const strict = { fair: "strict" } as const;
      const first = await a.mutex(name, strict).lock();
      const order: string[] = [];
      const turn = async (hf: Coordinator, who: string, count: number): Promise<void> => {
        const done = hf.mutex(name, strict).withLock(() => void order.push(who));
        turns.push(done);
        await until(async () => (await b.inspect(name)).waiters.length === count, `${who} waits`);
      };
      const turns: Promise<void>[] = [];
      await turn(b, "b1", 1);
      await turn(a, "a1", 2);
      await turn(b, "b2", 3);
      await turn(a, "a2", 4);
      await first.release();
      await Promise.all(turns);
      assert.deepEqual(order, ["b1", "a1", "b2", "a2"]);
    });

    test("a busy process hands over to another one that waits, after a bounded time", async () => {
      const name = fresh();
      const stop = new AbortController();
      const busy = Promise.all(
        Array.from({ length: 8 }, async () => {
          while (!stop.signal.aborted) await a.mutex(name).withLock(() => undefined);
        }),
      );
      const lease = await b.mutex(name).lock({ waitMs: 5_000 });
      await lease.release();
      stop.abort();
      await busy;
    });

    test("records: conditional writes, conflicts with what is there, deletes, lists", async () => {
      const people = a.records<{ name: string; age?: number }>("people");
      const key = fresh();
      const first = await people.put(key, { name: "Ann" }, { ifRevision: null, author: "me" });
      assert.deepEqual([first.value, first.author], [{ name: "Ann" }, "me"]);
      await assert.rejects(people.put(key, { name: "Bob" }, { ifRevision: null }), (error) => {
        assert.ok(error instanceof ConflictError);
        assert.deepEqual(error.theirs, first);
        assert.deepEqual([error.base, error.mine, error.fields], [null, { name: "Bob" }, ["name"]]);
        return true;
      });
      const second = await people.put(key, { name: "Ann", age: 1 }, { ifRevision: first.revision });
      await assert.rejects(people.delete(key, { ifRevision: first.revision }), ConflictError);
      await people.delete(key, { ifRevision: second.revision });
      assert.equal(await people.get(key), null);
      await people.delete(key);
      const again = await people.put(key, { name: "Ann" }, { ifRevision: null });
      assert.equal(new Set([first, second, again].map(({ revision }) => revision)).size, 3);
      for (const each of ["l/2", "l/1", "l/3", "m"]) await people.put(each, { name: each });
      const page = await people.list({ prefix: "l/", limit: 2 });
      assert.deepEqual(
        page.map((each) => each.key),
        ["l/1", "l/2"],
      );
      assert.deepEqual(
        (await people.list({ prefix: "l/", after: "l/2" })).map((each) => each.key),
        ["l/3"],
      );
    });

    test("a stale holder's write is refused, a repeated write has one effect", async () => {
      const name = fresh();
      const numbers = a.records<number>("numbers");
      const old = await a.mutex(name).lock();
      await old.release();
      const current = await b.mutex(name).lock();
      const elsewhere = { resource: name, token: old.token };
      await assert.rejects(numbers.put(name, 1, { fence: old }), StaleTokenError);
      if (fencing === "grant") {
        await assert.rejects(numbers.put(name, 1, { fence: elsewhere }), StaleTokenError);
      }
      const once = await numbers.put(name, 2, { fence: current, opId: "op-1" });
      await assert.rejects(numbers.put(name, 3, { fence: elsewhere }), StaleTokenError);
      assert.deepEqual(await numbers.put(name, 2, { ifRevision: null, opId: "op-1" }), once);
      await current.release();
    });

    const strategies = {
      optimistic: optimistic({ attempts: 200, deadlineMs: 30_000 }),
      pessimistic: pessimistic(),
    };
    for (const [kind, strategy] of Object.entries(strategies)) {
      test(`concurrent ${kind} updates lose nothing`, async () => {
        const key = fresh();
        const edit = (count: number | null): number => (count ?? 0) + 1;
        const counters = [a.records<number>("counters"), b.records<number>("counters")];
        await Promise.all(Array.from({ length: 40 }, (_, i) => counters[i % 2]!.update(key, edit, strategy)));
        assert.equal((await counters[0]!.get(key))?.value, 40);
      });
    }

    test("close gives everything back and rejects who still waits", async () => {
      const name = fresh();
      const hf = await connect(started.url, apart);
      const lease = await hf.mutex(name).lock();
      const waiting = hf.mutex(name).lock();
      waiting.catch(() => undefined);
      await hf.close();
      await assert.rejects(waiting, ClosedError);
      assert.equal((lease.lost.reason as LeaseLostError).reason, "closed");
      await assert.rejects(hf.mutex(name).lock(), ClosedError);
      await assert.rejects(hf.records("x").get("y"), ClosedError);
      await (await a.mutex(name).lock({ waitMs: 1_000 })).release();
    });
  });
}
