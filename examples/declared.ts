import { connect, InvalidValueError, UniqueError } from "holdfast";
import { z } from "zod";

const hf = await connect("memory:");

// #region declare
const contacts = hf.records("contacts", {
  schema: z.object({ name: z.string().min(1), email: z.email(), stage: z.enum(["new", "won"]) }),
  unique: ["email"],
  index: ["stage", "name"],
  history: { keep: 100, forMs: 30 * 86_400_000 },
});
await contacts.put("1", { name: "Ann", email: "ann@example.org", stage: "won" });

try {
  await contacts.put("2", { name: "Bob", email: "ann@example.org", stage: "new" });
} catch (error) {
  if (error instanceof UniqueError) console.log(`${error.owner} has this ${error.field}`); // 1 has this email
  else if (error instanceof InvalidValueError) console.log(error.faults); // [{ path: "/email", message: … }]
  else throw error;
}

const won = await contacts.list({ where: { stage: "won" } });
const byName = await contacts.list({ orderBy: "name", from: "A", limit: 50 });
// #endregion

if (won.length !== 1 || byName.length !== 1) throw new Error("not found by what was declared");

// #region together
const orders = hf.records<{ readonly contact: string }>("orders");
const [contact, order] = await hf.write([
  contacts.planPut("1", { ...won[0]!.value, stage: "won" }, { ifRevision: won[0]!.revision }),
  orders.planPut("A-1", { contact: "1" }, { ifRevision: null }),
]);
// #endregion

if (contact?.value.name !== "Ann" || order?.value.contact !== "1") throw new Error("not written together");
await hf.close();
