import assert from "node:assert/strict";
import { test } from "node:test";
import { memory } from "holdfast/memory";
import { conformance, type Environment } from "holdfast/testkit";

const open = (): Environment => ({ backend: () => memory(), close() {} });
const known = "order: asking again keeps the place, and tells how many are ahead";

test("the kit refuses skips that say nothing", () => {
  const skip = (name: string, reason: string): object =>
    conformance({ open, skip: [{ case: name, reason }] });
  assert.throws(() => skip("order: no such case", "because"), /no case "order: no such case"/);
  assert.throws(() => skip(known, " "), /say why/);
  const twice = { case: known, reason: "because" };
  assert.throws(() => conformance({ open, skip: [twice, twice] }), /twice/);
});

test("the kit names every case once, and hands skipped ones over with their reason", () => {
  const ran: string[] = [];
  const skipped: string[] = [];
  const register = Object.assign((name: string) => ran.push(name), {
    skip: (name: string) => skipped.push(name),
  });
  const skip = [{ case: known, reason: "because" }];
  const cases = conformance({ open, name: "foo", skip, test: register });
  assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length);
  assert.equal(ran.length, cases.length - 1);
  assert.deepEqual(skipped, [`foo: ${known} (skipped: because)`]);
  assert.ok(ran.every((name) => name.startsWith("foo: ")));
});

test("the kit judges on real time, too, and a backend that shares nothing fails", async () => {
  const kit = (name: string) => conformance({ open }).find((each) => each.name === name);
  await kit("expiry: a grant lasts its time by the store's clock")?.run();
  await assert.rejects(async () => kit("exclusion: of many that ask at once, one holds")?.run());
});
