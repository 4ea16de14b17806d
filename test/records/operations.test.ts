import assert from "node:assert/strict";
import { test } from "node:test";
import { addToSet, connect, increment, removeFromSet } from "holdfast";

interface Contact {
  readonly name?: string;
  readonly calls?: number;
  readonly tags?: readonly string[];
}

test("increments and set operations from many callers at once all have their effect", async () => {
  const hf = await connect("memory:");
  const contacts = hf.records<Contact>("contacts");
  await contacts.put("1", { name: "Ann", tags: ["old"] });
  await Promise.all([
    ...Array.from({ length: 50 }, () => contacts.update("1", increment("calls"))),
    ...Array.from({ length: 50 }, (_, index) => contacts.update("1", addToSet("tags", `${index % 3}`))),
    contacts.update("1", removeFromSet("tags", "old")),
    contacts.update("1", increment("calls", -8)),
  ]);
  const { name, calls, tags } = (await contacts.get("1"))!.value;
  assert.deepEqual([name, calls, [...tags!].sort()], ["Ann", 42, ["0", "1", "2"]]);
  assert.deepEqual((await contacts.update("2", increment("calls", 2))).record?.value, { calls: 2 });
  assert.throws(() => increment("calls", NaN), RangeError);
  await hf.close();
});
