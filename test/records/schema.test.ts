import assert from "node:assert/strict";
import { test } from "node:test";
import { Coordinator, InvalidValueError, type StandardSchema } from "holdfast";
import { memory, MemoryStore } from "holdfast/memory";
import * as v from "valibot";
import { z } from "zod";

interface Contact {
  readonly name: string;
  readonly tags: readonly string[];
}

const schemas: Readonly<Record<string, StandardSchema<Contact>>> = {
  zod: z.object({ name: z.string().trim().min(1), tags: z.array(z.string()).default([]) }),
  valibot: v.object({
    name: v.pipe(v.string(), v.trim(), v.minLength(1)),
    tags: v.optional(v.array(v.string()), []),
  }),
};

for (const [library, schema] of Object.entries(schemas)) {
  test(`${library}: a bad value is refused, with its paths, before the store is asked`, async () => {
    const backend = memory(new MemoryStore());
    const hf = new Coordinator(backend);
    const contacts = hf.records<Contact>("contacts", { schema, index: ["name"] });
    backend.write = () => assert.fail("the store was asked");
    await assert.rejects(contacts.put("1", { name: " ", tags: ["a", 5 as never] }), (error) => {
      assert.ok(error instanceof InvalidValueError);
      assert.equal(error.key, "1");
      assert.deepEqual(error.faults.map(({ path }) => path).sort(), ["/name", "/tags/1"]);
      assert.match(error.message, /^"1" was not written: \/name: /);
      return true;
    });
    await assert.rejects(
      contacts.update("1", () => ({ name: "" }) as Contact),
      InvalidValueError,
    );
    await assert.rejects(hf.write([contacts.planPut("1", {} as Contact)]), InvalidValueError);
    await hf.close();
  });

  test(`${library}: what the schema makes of a value is kept, and found`, async () => {
    const hf = new Coordinator(memory(new MemoryStore()));
    const contacts = hf.records<Contact>("contacts", { schema, index: ["name"] });
    const { value } = await contacts.put("1", { name: " Ann " } as Contact);
    assert.deepEqual(value, { name: "Ann", tags: [] });
    assert.equal((await contacts.list({ where: { name: "Ann" } })).length, 1);
    await contacts.delete("1");
    await hf.close();
  });
}

test("a schema that takes its time is refused", async () => {
  const hf = new Coordinator(memory(new MemoryStore()));
  const schema = z.object({ name: z.string().refine(async (name) => name !== "taken") });
  const contacts = hf.records("contacts", { schema });
  await assert.rejects(contacts.put("1", { name: "Ann" }), {
    name: "TypeError",
    message: /answers later.*check what takes time before/,
  });
  await assert.rejects(contacts.put("1", { name: "taken" }), TypeError);
  await hf.close();
});

test("what is declared wrongly is told at once", () => {
  const hf = new Coordinator(memory(new MemoryStore()));
  const refused = (options: object, error: object): void =>
    assert.throws(() => hf.records("c", options), error, JSON.stringify(options));
  refused({ unique: "email" }, { name: "TypeError", message: /must be lists of fields/ });
  refused({ index: [""] }, { name: "RangeError" });
  refused({ index: ["a..b"] }, { name: "RangeError", message: /joined by single dots/ });
  refused({ index: [5] }, { name: "TypeError" });
  refused(
    { index: Array.from({ length: 21 }, (_, at) => `f${at}`) },
    { name: "RangeError", message: /at most 20/ },
  );
  refused({ schema: {} }, { name: "TypeError", message: /no Standard Schema/ });
  refused({ history: { keep: 0 } }, { name: "RangeError" });
  refused({ history: { forMs: 10 } }, { name: "RangeError" });
  assert.throws(() => hf.records("holdfast:readers"), /Holdfast's own/);
  hf.records("c", { unique: ["email"], index: ["a", "b"] });
  hf.records("c", { unique: ["email"], index: ["b", "a", "email"] });
  assert.throws(() => hf.records("c", { unique: ["email"] }), /declared otherwise before/);
});

test("lists that cannot be made are told before any I/O", async () => {
  const hf = new Coordinator(memory(new MemoryStore()));
  const contacts = hf.records<Contact>("contacts", { index: ["name", "tags"] });
  const refused = (options: object, message: RegExp): Promise<void> =>
    assert.rejects(contacts.list(options), { message }, JSON.stringify(options));
  await refused({ where: { email: "a" } }, /"email" of "contacts" is not declared/);
  await refused({ where: { name: "a", tags: "b" } }, /where takes one declared field/);
  await refused({ where: {} }, /where takes one declared field/);
  await refused({ where: { name: {} } }, /must be text/);
  await refused({ where: { name: "a" }, orderBy: "tags" }, /where does not go with orderBy/);
  await refused({ orderBy: "name", after: "a" }, /after is \{ value, key \}/);
  await refused({ after: { value: "a", key: "b" } }, /goes with orderBy/);
  await refused({ from: "a" }, /does not go with from/);
  await refused({ limit: 0 }, /limit must be/);
});
