import { adaptive, addToSet, connect, ConflictError, increment, versioned, type MergeRules } from "holdfast";

interface Customer {
  readonly name: string;
  readonly street: string;
  readonly city: string;
  readonly calls: number;
  readonly tags: readonly string[];
}

const hf = await connect("memory:");
const customers = hf.records<Customer>("customers");
await customers.put("7", { name: "Ann", street: "A 1", city: "Oslo", calls: 0, tags: [] });

// #region adaptive
// Fifty at once: a few writes, fifty versions, each caller its own result.
const call = (): Promise<unknown> => customers.update("7", increment("calls"));
await Promise.all(Array.from({ length: 50 }, call));
await customers.update("7", addToSet("tags", "vip"), adaptive({ author: "ann", opId: "tag-17" }));
// #endregion

// #region versioned
const rules: MergeRules = {
  fields: { calls: "counter", tags: "set" },
  groups: [["street", "city"]],
};

const form = (await customers.get("7"))!; // Ann opens it …
await customers.update("7", (it) => ({ ...it!, street: "B 2", city: "Rome" })); // … Bob is quicker …
const saved = { ...form.value, name: "Anna", calls: form.value.calls + 1 }; // … and Ann saves
const both = await customers.update("7", () => saved, versioned({ base: form.revision, rules }));
console.log(both.record?.value.name, both.record?.value.city); // Anna Rome
// #endregion

// #region conflict
try {
  const moved = { ...form.value, city: "Bergen" };
  await customers.update("7", () => moved, versioned({ base: form.revision, rules }));
} catch (error) {
  if (!(error instanceof ConflictError)) throw error;
  const [conflict] = error.conflicts;
  console.log(conflict?.fields); // [ '/street', '/city' ]: a group is one thing
  // Somebody decides; the version that settles it names both it came from.
  const settled = versioned({ base: error.theirs!.revision, merges: [form.revision] });
  await customers.update("7", (theirs) => ({ ...theirs!, street: "C 3", city: "Bergen" }), settled);
}
// #endregion

const { value } = (await customers.get("7"))!;
if (value.calls !== 51 || value.city !== "Bergen") throw new Error("an edit was lost");
await hf.close();
