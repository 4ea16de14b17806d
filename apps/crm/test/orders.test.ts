import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { connect } from "holdfast";
import { lockName } from "../domain/idempotency.ts";
import {
  asAdmin,
  assertProblem,
  inTurn,
  login,
  newAccount,
  textOf,
  type Answer,
  type Client,
} from "./client.ts";
import { startPlatform, type Platform } from "./platform.ts";
import { storeKinds, type Store } from "./stores.ts";

const LINES = [{ sku: "chair", quantity: 3, unitPrice: 0.1 }];

for (const kind of storeKinds()) {
  describe(`placing orders over three nodes on ${kind.name}`, { skip: kind.skip }, () => {
    let store: Store;
    let platform: Platform;
    let client: Client;
    let customerId: string;
    before(async () => {
      store = await kind.start();
      platform = await startPlatform(store);
      client = await asAdmin(at(0));
      const customer = await client.post(`${at(0)}/api/customers`, { name: "Ada" });
      customerId = textOf(customer.body["id"]);
    });
    after(async () => {
      await platform?.stop();
      await store?.end();
    });
    const at = (index: number): string => inTurn(platform.addresses, index);

    const place = (index: number, key: string | null, body: object, by = client): Promise<Answer> =>
      by.post(`${at(index)}/api/orders`, body, key === null ? {} : { "idempotency-key": key });

    const countOrders = async (): Promise<number> => {
      const { body } = await client.get(`${at(0)}/api/orders?limit=200`);
      return (body["items"] as readonly unknown[]).length;
    };

    it("the same key and body give the same answer at every node, and one order", async () => {
      const before = await countOrders();
      const key = randomUUID();
      const first = await place(0, key, { customerId, lines: LINES });
      assert.equal(first.status, 201);
      assert.equal(first.body["total"], 0.3);
      assert.equal(first.body["status"], "placed");
      const processed = await client.post(`${at(1)}${textOf(first.headers.location)}/process`);
      assert.equal(processed.body["status"], "processed");
      const reordered = { lines: LINES.map(({ sku, ...rest }) => ({ ...rest, sku })), customerId };
      for (const [index, body] of [{ customerId, lines: LINES }, reordered, reordered].entries()) {
        const again = await place(index, index === 1 ? `"${key}"` : key, body);
        assert.equal(again.status, 201);
        assert.deepEqual(again.body, first.body, "as it was then, whatever became of the order");
        assert.equal(again.headers.location, first.headers.location);
        assert.equal(again.headers.etag, first.headers.etag);
      }
      assert.equal(await countOrders(), before + 1);
    });

    it("the same key with another body is refused; another account's key is another key", async () => {
      const key = randomUUID();
      assert.equal((await place(0, key, { customerId, lines: LINES })).status, 201);
      const other = [{ sku: "chair", quantity: 4, unitPrice: 0.1 }];
      assertProblem(await place(1, key, { customerId, lines: other }), 422, "idempotency-key-reused");
      const { client: colleague } = await login(at(1), await newAccount(at(0), client));
      assert.equal((await place(2, key, { customerId, lines: other }, colleague)).status, 201);
    });

    it("a request needs a key that is one", async () => {
      const order = { customerId, lines: LINES };
      assertProblem(await place(0, null, order), 400, "idempotency-key-missing");
      assertProblem(await place(0, '""', order), 400, "idempotency-key-missing");
      assertProblem(await place(0, "k".repeat(256), order), 400, "idempotency-key-invalid");
    });

    it("duplicates at once make one order, and each is answered alike or told to come again", async () => {
      const before = await countOrders();
      const key = randomUUID();
      const order = { customerId, lines: LINES };
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, index) => place(index, key, order)),
      );
      const placed = answers.filter(({ status }) => status === 201);
      assert.ok(placed.length >= 1);
      for (const each of answers) {
        if (each.status === 201) assert.deepEqual(each.body, placed[0]!.body);
        else assertProblem(each, 409, "still-running");
      }
      assert.deepEqual((await place(1, key, order)).body, placed[0]!.body);
      assert.equal(await countOrders(), before + 1);
    });

    it("a repetition is told so while the first one runs, and carried out when that has died", async () => {
      const before = await countOrders();
      const me = await client.get(`${at(0)}/api/me`);
      const key = randomUUID();
      const request = { account: textOf(me.body["id"]), route: "POST /api/orders", key };
      const elsewhere = await connect(store.url, { namespace: "crm", label: "a node that hangs" });
      try {
        const running = await elsewhere.mutex(lockName(request)).lock();
        const refused = await place(1, key, { customerId, lines: LINES });
        assertProblem(refused, 409, "still-running");
        assert.equal(refused.headers["retry-after"], "1");
        const locks = await client.get(`${at(2)}/api/locks?prefix=request:`);
        const [shown] = locks.body["items"] as readonly {
          resource: string;
          holders: { token: string }[];
        }[];
        assert.equal(shown?.resource, lockName(request));
        assert.equal(shown.holders[0]?.token, running.token.toString());
      } finally {
        await elsewhere.close();
      }
      assert.equal((await place(2, key, { customerId, lines: LINES })).status, 201);
      assert.equal(await countOrders(), before + 1);
    });

    it("what is not valid is refused by the name of its field, and leaves the key free", async () => {
      const key = randomUUID();
      const refusals: readonly (readonly [object, string])[] = [
        [{ customerId, lines: [] }, "lines"],
        [{ customerId, lines: [{ sku: "x", quantity: 0, unitPrice: 1 }] }, "lines.0.quantity"],
        [{ customerId, lines: [{ sku: "x", quantity: 1, unitPrice: 0.001 }] }, "lines.0.unitPrice"],
        [{ customerId, lines: [{ sku: "x", quantity: 1, unitPrice: 1, total: 0 }] }, "lines.0.total"],
        [{ customerId: randomUUID(), lines: LINES }, "customerId"],
      ];
      for (const [body, field] of refusals) {
        const answer = await place(0, key, body);
        assertProblem(answer, 422, "invalid");
        const errors = answer.body["errors"] as readonly { field: string }[];
        assert.deepEqual(
          errors.map((each) => each.field),
          [field],
        );
      }
      assert.equal((await place(0, key, { customerId, lines: LINES })).status, 201);
      assertProblem(await client.get(`${at(0)}/api/orders/${randomUUID()}`), 404, "not-found");
      assertProblem(await client.post(`${at(0)}/api/orders/${randomUUID()}/process`), 404, "not-found");
    });
  });
}
