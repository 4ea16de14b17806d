import assert from "node:assert/strict";
import { test } from "node:test";
import { adaptive, BackendError, Coordinator, versioned, type RecordHead } from "holdfast";
import { memory, MemoryStore } from "holdfast/memory";
import { eventually, gate, increment, lost, meddled, times, type Counter } from "./meddling.ts";

const COUNT = 20;

/** Many updates, so that all of them are in the same write. */
function burst(hf: Coordinator): Promise<PromiseSettledResult<RecordHead<Counter> | null>[]> {
  const records = hf.records<Counter>("c");
  return Promise.allSettled(
    times(COUNT, async () => (await records.update("a", increment)).record),
  );
}

function unknownOf(result: PromiseSettledResult<unknown>): BackendError {
  assert.ok(result.status === "rejected" && result.reason instanceof BackendError);
  assert.equal(result.reason.outcome, "unknown");
  return result.reason;
}

test("a lost reply is settled: every caller learns what became of its edit", async () => {
  const { hf, meddler } = meddled();
  meddler.after = () => {
    meddler.after = () => {};
    throw lost();
  };
  const settled = await burst(hf);
  assert.deepEqual(
    settled.map((each) => each.status === "fulfilled" && each.value?.value.n),
    times(COUNT, (index) => index + 1),
  );
  assert.equal((await hf.records<Counter>("c").get("a"))?.value.n, COUNT);
  await hf.close();
});

test("a lost reply is settled also when others have written since", async () => {
  const store = new MemoryStore();
  const { hf, meddler } = meddled(store);
  const other = new Coordinator(memory(store));
  meddler.after = async () => {
    meddler.after = () => {};
    await other.records<Counter>("c").update("a", increment);
    throw lost();
  };
  const settled = await burst(hf);
  const numbers = settled.map((each) => each.status === "fulfilled" && each.value?.value.n);
  assert.equal(new Set(numbers).size, COUNT);
  assert.equal((await hf.records<Counter>("c").get("a"))?.value.n, COUNT + 1);
  await Promise.all([hf.close(), other.close()]);
});

test("a lost request is repeated; refused then, it certainly had no effect, and is tried anew", async () => {
  const store = new MemoryStore();
  const { hf, meddler } = meddled(store);
  const other = new Coordinator(memory(store));
  await other.records<Counter>("c").put("a", { n: 0 });
  meddler.before = async () => {
    meddler.before = () => {};
    await other.records<Counter>("c").update("a", increment);
    throw lost();
  };
  const settled = await burst(hf);
  assert.deepEqual(
    settled.map((each) => each.status === "fulfilled" && each.value?.value.n),
    times(COUNT, (index) => index + 2),
  );
  assert.equal((await hf.records<Counter>("c").get("a"))?.value.n, COUNT + 1);
  await Promise.all([hf.close(), other.close()]);
});

for (const [what, isApplied] of [["replies", true], ["requests", false]] as const) {
  test(`when all ${what} are lost each caller gets an opId of its own, which settles its edit`, async () => {
    const { hf, meddler } = meddled();
    const lose = (): never => {
      throw lost();
    };
    if (isApplied) meddler.after = lose;
    else meddler.before = lose;
    const errors = (await burst(hf)).map(unknownOf);
    assert.equal(new Set(errors).size, COUNT);
    assert.equal(new Set(errors.map(({ opId }) => opId)).size, COUNT);
    meddler.before = meddler.after = () => {};
    const records = hf.records<Counter>("c");
    assert.equal((await records.get("a"))?.value.n ?? 0, isApplied ? COUNT : 0);
    const again = errors.map(({ opId }) => records.update("a", increment, adaptive({ opId: opId! })));
    assert.deepEqual(
      (await Promise.all(again)).map(({ record }) => record?.value.n),
      times(COUNT, (index) => index + 1),
    );
    assert.equal((await records.get("a"))?.value.n, COUNT);
    await hf.close();
  });
}

test("who stands in line behind a write that nobody answers is served when the store is back", async () => {
  const { hf, meddler } = meddled(undefined, { callMs: 50 });
  const writing = gate();
  const records = hf.records<Counter>("c");
  await records.put("a", { n: 0 });
  const before = meddler.writes.length;
  meddler.before = () => writing.passed;
  const first = records.update("a", increment);
  await eventually("the write is under way", () => meddler.writes.length > before);
  const behind = times(5, () => records.update("a", increment));
  unknownOf((await Promise.allSettled([first]))[0]!);
  meddler.before = () => {};
  const numbers = (await Promise.all(behind)).map(({ record }) => record!.value.n);
  assert.deepEqual(numbers, [1, 2, 3, 4, 5]);
  // The first one's request arrives after all: too late to have an effect.
  writing.open();
  await new Promise(setImmediate);
  assert.equal((await records.get("a"))?.value.n, 5);
  await hf.close();
});

test("a failed read has had no effect, and says so to everybody", async () => {
  const { hf, meddler } = meddled();
  meddler.reading = () => {
    throw lost("read");
  };
  for (const each of await burst(hf)) {
    assert.ok(each.status === "rejected" && each.reason instanceof BackendError);
    assert.equal(each.reason.outcome, "not-applied");
  }
  await hf.close();
});

test("an update repeated under its opId has one effect and one answer", async () => {
  const { hf } = meddled();
  const records = hf.records<Counter>("c");
  const named = (opId: string) => records.update("a", increment, adaptive({ opId }));
  const first = (await named("x")).record;
  await records.update("a", increment);
  const all = await Promise.all([
    records.update("a", increment),
    named("x"),
    named("y"),
    named("y"),
    records.update("a", increment),
    named("x"),
  ]);
  const answers = all.map(({ record }) => record);
  assert.deepEqual([answers[1], answers[5]], [first, first]);
  assert.deepEqual(answers[2], answers[3]);
  assert.equal((await records.get("a"))?.value.n, 5);
  // All of them known.
  const again = await Promise.all([named("x"), named("y")]);
  assert.deepEqual(again.map(({ record }) => record), [first, answers[2]]);
  assert.equal((await records.update("a", increment)).record?.value.n, 6);
  await hf.close();
});

test("versioned: repeated under its opId it has one effect, whatever others did since", async () => {
  const { hf } = meddled();
  const records = hf.records<Counter>("c");
  const { revision } = await records.put("a", { n: 1 });
  const save = () => records.update("a", () => ({ n: 2 }), versioned({ base: revision, opId: "form" }));
  const { record } = await save();
  assert.deepEqual((await save()).record, record);
  await records.put("a", { n: 3 });
  assert.deepEqual((await save()).record, record);
  assert.equal((await records.get("a"))?.value.n, 3);
  await hf.close();
});
