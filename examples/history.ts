import { applyPatch, connect } from "holdfast";

const hf = await connect("memory:");
const contacts = hf.records<{ readonly name: string; readonly phone?: string }>("contacts");

// #region use
const first = await contacts.put("42", { name: "Ann" }, { author: "eve", reason: "met at the fair" });
const second = await contacts.put("42", { name: "Ann", phone: "0123" }, { author: "bob" });

for (const { revision, author, reason, at } of await contacts.history("42")) {
  console.log(revision, author, reason, new Date(at)); // newest first
}
const patch = await contacts.diff("42", first.revision, second.revision);
console.log(patch); // [ { op: 'add', path: '/phone', value: '0123' } ]

await contacts.revert("42", first.revision, { author: "ann" }); // a new version; history stays as it is
// #endregion

const { value } = (await contacts.get("42"))!;
if (value.phone !== undefined || applyPatch(value, patch!) === value) throw new Error("not reverted");
if ((await contacts.history("42")).length !== 3) throw new Error("history was rewritten");
await hf.close();
