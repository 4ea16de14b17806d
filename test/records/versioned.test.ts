import assert from "node:assert/strict";
import { test } from "node:test";
import { ConflictError, Coordinator, versioned, type MergeRules } from "holdfast";
import { memory, MemoryStore } from "holdfast/memory";

interface Deal {
  readonly title: string;
  readonly stage: string;
  readonly calls: number;
}

const RULES: MergeRules = { fields: { calls: "counter" } };
const deal: Deal = { title: "Pumps", stage: "new", calls: 1 };

async function opened() {
  const hf = new Coordinator(memory(new MemoryStore()));
  const deals = hf.records<Deal>("deals");
  const { revision: base } = await deals.put("7", deal);
  return { hf, deals, base };
}

test("an edit of an older revision is merged, and its version names both it came from", async () => {
  const { hf, deals, base } = await opened();
  const theirs = await deals.update("7", (v) => ({ ...v!, stage: "won", calls: v!.calls + 1 }));
  const form = { ...deal, title: "Big pumps", calls: 3 };
  const { record, strategy } = await deals.update("7", () => form, versioned({ base, rules: RULES }));
  assert.deepEqual(record?.value, { title: "Big pumps", stage: "won", calls: 4 });
  assert.equal(strategy, "versioned");
  const version = await deals.at("7", record!.revision);
  assert.deepEqual(version?.parents, [theirs.record!.revision, base]);
  await hf.close();
});

test("nobody else wrote: the edit gets the base and is written as it is", async () => {
  const { hf, deals, base } = await opened();
  const edit = (value: Deal | null): Deal => ({ ...value!, stage: "lost" });
  const { record } = await deals.update("7", edit, versioned({ base }));
  assert.deepEqual(record?.value, { ...deal, stage: "lost" });
  assert.deepEqual((await deals.at("7", record!.revision))?.parents, [base]);
  await hf.close();
});

test("what cannot be merged is told field by field, and settled by a second parent", async () => {
  const { hf, deals, base } = await opened();
  await deals.update("7", (v) => ({ ...v!, stage: "won" }));
  const form = { ...deal, stage: "lost" };
  const refused = deals.update("7", () => form, versioned({ base, rules: RULES }));
  const error = await refused.catch((reason: unknown) => reason);
  assert.ok(error instanceof ConflictError);
  assert.deepEqual(
    [error.base, error.mine, error.theirs?.value.stage, error.fields],
    [base, form, "won", ["stage"]],
  );
  assert.deepEqual(error.conflicts, [{ fields: ["/stage"], base: "new", mine: "lost", theirs: "won" }]);
  const theirs = error.theirs!.revision;
  const { record } = await deals.update(
    "7",
    (value) => ({ ...value!, stage: "lost" }),
    versioned({ base: theirs, merges: [base], author: "ann", reason: "she decides" }),
  );
  const version = await deals.at("7", record!.revision);
  assert.deepEqual([version?.parents, version?.reason], [[theirs, base], "she decides"]);
  await hf.close();
});

test("an edit that changes what it is given is not lost", async () => {
  const { hf, deals, base } = await opened();
  await deals.update("7", (v) => ({ ...v!, title: "Valves" }));
  const edit = (value: Deal | null) => Object.assign(value!, { stage: "won" });
  const { record } = await deals.update("7", edit, versioned({ base }));
  assert.deepEqual(record?.value, { ...deal, title: "Valves", stage: "won" });
  await hf.close();
});

test("deletion against change: a conflict, unless told who wins", async () => {
  const { hf, deals, base } = await opened();
  await deals.update("7", (v) => ({ ...v!, stage: "won" }));
  const remove = () => null;
  await assert.rejects(deals.update("7", remove, versioned({ base })), ConflictError);
  const kept = await deals.update("7", remove, versioned({ base, rules: { deletion: "loses" } }));
  assert.equal(kept.record?.value.stage, "won");
  const gone = await deals.update("7", remove, versioned({ base, rules: { deletion: "wins" } }));
  assert.equal(gone.record, null);
  assert.equal(await deals.get("7"), null);
  await hf.close();
});

test("a base that is not in the history any more is a conflict, never a guess", async () => {
  const { hf, deals } = await opened();
  const edit = () => ({ ...deal, stage: "lost" });
  await assert.rejects(deals.update("7", edit, versioned({ base: "gone" })), (error) => {
    assert.ok(error instanceof ConflictError);
    assert.deepEqual([error.base, error.fields, error.conflicts], ["gone", ["stage"], []]);
    return true;
  });
  await assert.rejects(deals.update("7", edit, versioned({ base: null })), ConflictError);
  const { record } = await deals.update("8", edit, versioned({ base: null }));
  assert.equal(record?.value.stage, "lost");
  await hf.close();
});

test("bad arguments are refused with the remedy", () => {
  assert.throws(() => versioned({} as never), /versioned takes the revision that was edited/);
  assert.throws(() => versioned({ base: "x", attempts: 0 }), RangeError);
  assert.throws(() => versioned({ base: "x", rules: { fields: { a: "sum" as never } } }), TypeError);
});
