import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { connect, type Coordinator } from "holdfast";
import { Crm } from "../domain/crm.ts";
import { EFFECTS, type Order } from "../domain/orders.ts";
import { Refusal, type RefusalKind } from "../domain/refusals.ts";

const refused = (kind: RefusalKind) => (error: unknown) =>
  error instanceof Refusal && error.kind === kind;

describe("the rules of requests that take effect once", () => {
  let hf: Coordinator;
  let crm: Crm;
  before(async () => {
    hf = await connect("memory:requests");
    crm = new Crm(hf, "node");
  });
  after(() => hf.close());

  const request = () => ({ account: "ann", route: "POST /things", key: randomUUID() });

  it("one that broke off is carried out to its end later, with the same id and no other body", async () => {
    const key = request();
    const subjects: string[] = [];
    const breakOff = async (subject: string): Promise<string> => {
      subjects.push(subject);
      throw new Error("the power is gone");
    };
    await assert.rejects(crm.idempotency.once(key, { a: 1 }, breakOff), /power/);
    await assert.rejects(crm.idempotency.once(key, { a: 1 }, breakOff), /power/);
    await assert.rejects(
      crm.idempotency.once(key, { a: 2 }, async () => "other"),
      refused("idempotency-key-reused"),
    );
    const answer = await crm.idempotency.once(key, { a: 1 }, async (subject) => {
      subjects.push(subject);
      return "done";
    });
    assert.equal(answer, "done");
    assert.equal(new Set(subjects).size, 1);
    const never = async (): Promise<string> => assert.fail("it has its answer");
    assert.equal(await crm.idempotency.once(key, { a: 1 }, never), "done");
  });

  it("a refusal has no effect, so its key may be used for what is right", async () => {
    const key = request();
    const refuse = async (): Promise<string> => Promise.reject(new Refusal("invalid", "no"));
    await assert.rejects(crm.idempotency.once(key, { a: 1 }, refuse), refused("invalid"));
    assert.equal(await crm.idempotency.once(key, { a: 2 }, async () => "done"), "done");
  });
});

describe("the ledger of an order, when the lock does not keep two apart", () => {
  // Their locks are in stores that do not know each other, as after a fail-over that forgot the lock.
  let one: Coordinator;
  let other: Coordinator;
  before(async () => {
    one = await connect("memory:ledger", { locks: "memory:ledger-locks-1" });
    other = await connect("memory:ledger", { locks: "memory:ledger-locks-2" });
  });
  after(async () => {
    await one.close();
    await other.close();
  });

  for (let writes = 1; writes <= EFFECTS.length + 1; writes++) {
    it(`who is overtaken after write ${writes} causes no effect any more`, async () => {
      const first = new Crm(one, "first");
      const second = new Crm(other, "second");
      const customer = await first.customers.create({ name: "Ada" }, "ann");
      const wanted = { customerId: customer.key, lines: [{ sku: "x", quantity: 1, unitPrice: 1 }] };
      const id = randomUUID();
      await one.mutex("placing").withLock((lease) => first.orders.place(id, wanted, "ann", lease));

      const caused: string[] = [];
      let rows = 0;
      const see = (order: Order): void => {
        if (order.effects.length > rows) caused.push(order.effects.at(-1)!.key);
        rows = order.effects.length;
      };
      let left = writes;
      const head = await first.processing.process(id, async (order) => {
        see(order);
        left -= 1;
        if (left === 0) await second.processing.process(id, see);
      });
      assert.equal(head.value.status, "processed");
      assert.equal(head.value.attempts, 2);
      assert.deepEqual(
        head.value.effects.map(({ key }) => key),
        caused,
      );
      assert.deepEqual(
        caused,
        EFFECTS.map((effect) => `${id}/${effect}`),
      );
    });
  }
});
