import assert from "node:assert/strict";
import { test } from "node:test";
import { adaptive, ConflictError, Coordinator, LockTimeoutError, on, pessimistic } from "holdfast";
import { memory, MemoryStore } from "holdfast/memory";
import { eventually, gate, increment, meddled, times, type Counter } from "./meddling.ts";

test("edits that wait are written together, in the order of the calls", async () => {
  const store = new MemoryStore();
  const { hf, meddler } = meddled(store);
  const records = hf.records<Counter>("c");
  const all = await Promise.all(
    times(300, (index) => records.update("a", increment, adaptive({ author: `writer ${index}` }))),
  );
  assert.deepEqual(all.map(({ record }) => record?.value.n), times(300, (index) => index + 1));
  assert.deepEqual(all.map(({ record }) => record?.author), times(300, (index) => `writer ${index}`));
  assert.ok(meddler.writes.length < 150, `${meddler.writes.length} writes`);
  assert.ok(all.some(({ combined }) => combined > 10));
  const backend = memory(store);
  await backend.open(session);
  const history = (await backend.history("c", "a", { limit: 1_000 })).toReversed();
  assert.deepEqual(history.map(({ revision }) => revision), all.map(({ record }) => record?.revision));
  assert.deepEqual(history.map(({ author }) => author), times(300, (index) => `writer ${index}`));
  for (const [index, { parents }] of history.entries()) {
    assert.deepEqual(parents, index === 0 ? [] : [history[index - 1]!.revision]);
  }
  await hf.close();
});

test("alone, an update costs a read and a write, or the write alone after another", async () => {
  const { hf, meddler } = meddled();
  let reads = 0;
  meddler.reading = () => void (reads += 1);
  const records = hf.records<Counter>("c");
  for (const n of times(5, (index) => index + 1)) {
    const { record, attempts, combined, holdMs } = await records.update("a", increment);
    assert.deepEqual([record?.value.n, attempts, combined, holdMs], [n, 1, 1, 0]);
  }
  assert.deepEqual([reads, meddler.writes.length], [1, 5]);
  await hf.close();
});

test("an edit that throws, or gives what cannot be kept, rejects its own caller", async () => {
  const { hf } = meddled();
  const records = hf.records<{ n: number; by?: string[] }>("c");
  await records.put("a", { n: 0, by: [] });
  const add = (by: string) =>
    records.update("a", (value) => {
      value!.by!.push(by);
      if (by === "thrower") throw new Error("no");
      return { ...value!, n: value!.n + 1 };
    });
  const settled = await Promise.allSettled([
    add("ann"),
    add("thrower"),
    records.update("a", () => undefined as never),
    records.update("a", () => (async () => ({ n: 9 }))() as never),
    records.update("a", () => ({ n: 10n }) as never),
    records.update("a", () => (() => 1) as never),
    add("bob"),
  ]);
  assert.deepEqual(settled.map(({ status }) => status), [
    "fulfilled",
    ...times(5, () => "rejected"),
    "fulfilled",
  ]);
  const errors = settled.map((each) => (each.status === "rejected" ? (each.reason as Error).message : ""));
  assert.equal(errors[1], "no");
  assert.match(errors[2]!, /returned undefined/);
  assert.match(errors[3]!, /returned a promise/);
  assert.match(errors[4]!, /BigInt/);
  assert.match(errors[5]!, /no JSON/);
  assert.deepEqual((await records.get("a"))?.value, { n: 2, by: ["ann", "bob"] });
  await hf.close();
});

test("what a caller does with its result changes nothing for others", async () => {
  const { hf } = meddled();
  const records = hf.records<{ list: number[] }>("c");
  const push = (item: number) =>
    records.update("a", (value) => ({ list: [...(value?.list ?? []), item] }));
  const [one] = await Promise.all([push(1), push(2)]);
  one.record!.value.list.push(99);
  (await push(3)).record!.value.list.push(99);
  assert.deepEqual((await push(4)).record?.value.list, [1, 2, 3, 4]);
  await hf.close();
});

test("deletions and creations among the combined edits", async () => {
  const { hf } = meddled();
  const records = hf.records<Counter>("c");
  const remove = () => null;
  const edits = [remove, increment, increment, remove, remove, increment, remove];
  const all = await Promise.all(edits.map((edit) => records.update("a", edit)));
  assert.deepEqual(all.map(({ record }) => record?.value.n ?? null), [null, 1, 2, null, null, 1, null]);
  assert.equal(await records.get("a"), null);
  await hf.close();
});

test("records of the same path in other collections are others", async () => {
  const { hf } = meddled();
  const all = await Promise.all([
    hf.records<Counter>("a/b").update("c", increment),
    hf.records<Counter>("a").update("b/c", increment),
    hf.records<Counter>("a").update("b/c", increment),
  ]);
  assert.deepEqual(all.map(({ record }) => record?.value.n), [1, 1, 2]);
  await hf.close();
});

test("a signal takes a caller out of the line at once; what is under way and succeeds is told", async () => {
  const { hf, meddler } = meddled();
  const records = hf.records<Counter>("c");
  const writing = gate();
  meddler.before = () => writing.passed;
  const [first, second] = [new AbortController(), new AbortController()];
  const underWay = records.update("a", increment, adaptive({ signal: first.signal }));
  await eventually("the write is under way", () => meddler.writes.length === 1);
  const waiting = records.update("a", increment, adaptive({ signal: second.signal }));
  const last = records.update("a", increment);
  second.abort(new Error("changed my mind"));
  await assert.rejects(waiting, /changed my mind/);
  first.abort(new Error("too late"));
  writing.open();
  assert.equal((await underWay).record?.value.n, 1);
  assert.equal((await last).record?.value.n, 2);
  await assert.rejects(records.update("a", increment, adaptive({ signal: first.signal })), /too late/);
  await hf.close();
});

test("a caller that gave up while under way is not tried again after a refusal", async () => {
  const store = new MemoryStore();
  const { hf, meddler } = meddled(store);
  const other = new Coordinator(memory(store));
  const controller = new AbortController();
  meddler.before = async () => {
    meddler.before = () => {};
    await other.records<Counter>("c").put("a", { n: 100 });
    controller.abort(new Error("gone"));
  };
  const records = hf.records<Counter>("c");
  const [gone, stays] = await Promise.allSettled([
    records.update("a", increment, adaptive({ signal: controller.signal })),
    records.update("a", increment),
  ]);
  assert.equal(gone.status === "rejected" && (gone.reason as Error).message, "gone");
  assert.equal(stays.status === "fulfilled" && stays.value.record?.value.n, 101);
  assert.equal(stays.status === "fulfilled" && stays.value.attempts, 2);
  await Promise.all([hf.close(), other.close()]);
});

test("an edit may abort its own signal: nobody behind it is forgotten", async () => {
  const { hf } = meddled();
  const records = hf.records<Counter>("c");
  const controller = new AbortController();
  const self = records.update(
    "a",
    (value) => {
      controller.abort(new Error("self"));
      return increment(value);
    },
    adaptive({ signal: controller.signal }),
  );
  const behind = records.update("a", increment);
  assert.deepEqual([(await self).record?.value.n, (await behind).record?.value.n], [1, 2]);
  await hf.close();
});

test("a deadline ends the wait: refused until then, or never had its turn", async () => {
  const store = new MemoryStore();
  const { hf, meddler } = meddled(store);
  const other = new Coordinator(memory(store));
  const theirs = other.records<Counter>("c");
  meddler.before = async () => void (await theirs.put("a", { n: 7 }, { author: "bob" }));
  const records = hf.records<Counter>("c");
  await assert.rejects(records.update("a", increment, adaptive({ deadlineMs: 400 })), (error) => {
    assert.ok(error instanceof ConflictError);
    assert.deepEqual([error.mine, error.theirs?.value, error.theirs?.author], [{ n: 8 }, { n: 7 }, "bob"]);
    assert.deepEqual(error.fields, ["n"]);
    return true;
  });
  const writing = gate();
  meddler.before = () => writing.passed;
  const slow = records.update("a", increment);
  const before = meddler.writes.length;
  await eventually("the write is under way", () => meddler.writes.length > before);
  await assert.rejects(records.update("a", increment, adaptive({ deadlineMs: 30 })), (error) => {
    assert.ok(error instanceof LockTimeoutError);
    assert.equal(error.resource, "record:c/a");
    return true;
  });
  writing.open();
  await slow;
  await Promise.all([hf.close(), other.close()]);
});

test("after refusals in a row it takes the record's lock, and gives it back", async () => {
  const store = new MemoryStore();
  const { hf, meddler } = meddled(store);
  const other = new Coordinator(memory(store));
  let left = 5;
  meddler.before = async () => {
    if (left-- > 0) await other.records<Counter>("c").update("a", increment);
  };
  const granted: string[] = [];
  const stop = on("lock.granted", ({ resource }) => granted.push(resource));
  const { record, attempts, holdMs } = await hf.records<Counter>("c").update("a", increment);
  stop();
  assert.deepEqual([record?.value.n, attempts], [6, 6]);
  assert.deepEqual(granted, ["record:c/a"]);
  assert.ok(holdMs > 0);
  const isFree = async () => (await other.inspect("record:c/a")).holders.length === 0;
  await eventually("the lock is given back", isFree);
  await Promise.all([hf.close(), other.close()]);
});

test("edits that take long are done under the lock", async () => {
  const { hf } = meddled();
  const records = hf.records<Counter>("c");
  const slowly = (value: Counter | null): Counter => {
    const end = performance.now() + 15;
    while (performance.now() < end);
    return increment(value);
  };
  const all = await Promise.all(times(4, () => records.update("a", slowly)));
  assert.deepEqual(all.map(({ record }) => record?.value.n), [1, 2, 3, 4]);
  assert.deepEqual(all.map(({ combined }) => combined), [1, 1, 1, 1]);
  assert.deepEqual(all.map(({ holdMs }) => holdMs > 0), [false, true, true, true]);
  await hf.close();
});

test("a lock that somebody keeps holds nobody up for long", async () => {
  const store = new MemoryStore();
  const { hf } = meddled(store);
  const other = new Coordinator(memory(store));
  const lease = await other.mutex("record:c/a").lock();
  const updates = times(3, () => hf.records<Counter>("c").update("a", increment, adaptive({ refusals: 0 })));
  assert.deepEqual((await Promise.all(updates)).map(({ record }) => record?.value.n), [1, 2, 3]);
  await lease.release();
  await Promise.all([hf.close(), other.close()]);
});

test("nobody waits for the lock for callers who have gone", async () => {
  const store = new MemoryStore();
  const { hf } = meddled(store);
  const other = new Coordinator(memory(store));
  const lease = await other.mutex("record:c/a").lock();
  const records = hf.records<Counter>("c");
  const signal = AbortSignal.timeout(20);
  const update = records.update("a", increment, adaptive({ refusals: 0, signal }));
  await assert.rejects(update, { name: "TimeoutError" });
  const isGone = async () => (await other.inspect("record:c/a")).waiters.length === 0;
  await eventually("the place in the queue is given up", isGone);
  await lease.release();
  await Promise.all([hf.close(), other.close()]);
});

test("closing settles everybody who stands in line", async () => {
  const { hf, meddler } = meddled(undefined, { callMs: 200 });
  const records = hf.records<Counter>("c");
  const writing = gate();
  meddler.before = () => writing.passed;
  const all = times(10, () => records.update("a", increment));
  await eventually("the write is under way", () => meddler.writes.length === 1);
  all.push(...times(5, () => records.update("a", increment)));
  const closing = hf.close();
  writing.open();
  const settled = await Promise.allSettled(all);
  const acknowledged = settled.filter(({ status }) => status === "fulfilled").length;
  assert.ok(acknowledged === 10 || acknowledged === 0, String(acknowledged));
  for (const each of settled.slice(10)) {
    assert.equal(each.status === "rejected" && (each.reason as Error).name, "ClosedError");
  }
  await closing;
});

test("many processes on one record: all are served, no update is lost, and none is starved", async () => {
  const store = new MemoryStore();
  const fleet = times(4, () => new Coordinator(memory(store)));
  const writer = async (hf: Coordinator, strategy = adaptive()): Promise<void> => {
    for (let i = 0; i < 50; i += 1) await hf.records<Counter>("c").update("a", increment, strategy);
  };
  await Promise.all([
    ...fleet.flatMap((hf) => times(16, () => writer(hf))),
    // Beside some who take the lock each time.
    ...fleet.map((hf) => writer(hf, pessimistic())),
  ]);
  assert.equal((await fleet[0]!.records<Counter>("c").get("a"))?.value.n, 4 * 17 * 50);
  await Promise.all(fleet.map((hf) => hf.close()));
});

const session = {
  namespace: "holdfast",
  processId: "looker",
  owner: { host: "here", pid: 1 },
  claimMs: 1_000,
  patienceMs: 1_000,
  listener: { granted() {}, revoked() {}, contended() {}, look() {} },
};
