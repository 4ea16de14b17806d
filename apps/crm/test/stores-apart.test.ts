import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { after, before, describe, it } from "node:test";
import { asAdmin, assertProblem, type Client } from "./client.ts";
import { startPlatform, type Platform } from "./platform.ts";
import { storeKinds, type Store } from "./stores.ts";

const redis = storeKinds().find(({ name }) => name === "redis");

describe(
  "records in SQLite, locks in Redis",
  { skip: redis?.skip ?? "another store was asked for" },
  () => {
    let store: Store;
    let platform: Platform;
    let client: Client;
    before(async () => {
      store = await redis!.start();
      const url = `sqlite:${join(store.folder, "crm.db")}`;
      platform = await startPlatform({
        url,
        folder: store.folder,
        nodes: 2,
        args: ["--locks", store.url],
      });
      client = await asAdmin(platform.addresses[0]!);
    });
    after(async () => {
      store?.freeze?.(false);
      await platform?.stop();
      await store?.end();
    });

    it("an order is processed once", async () => {
      const [first = "", second = ""] = platform.addresses;
      const { body } = await client.post(`${first}/api/customers`, { name: "Ada" });
      const order = { customerId: body["id"], lines: [{ sku: "x", quantity: 1, unitPrice: 1 }] };
      const placed = await client.post(`${first}/api/orders`, order, { "idempotency-key": "1" });
      assert.equal(placed.status, 201, JSON.stringify(placed.body));
      const path = `/api/orders/${String(placed.body["id"])}/process`;
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => client.post((index % 2 === 0 ? first : second) + path)),
      );
      for (const answer of answers) {
        assert.equal(answer.status, 200, JSON.stringify(answer.body));
        assert.deepEqual(answer.body, answers[0]!.body);
      }
      assert.equal(answers[0]!.body["attempts"], 1);
    });

    it("while the lock store hangs, what needs no lock is served, the rest is told so", async () => {
      const [first = "", second = ""] = platform.addresses;
      const { body } = await client.get(`${second}/api/orders`);
      const [order] = body["items"] as readonly { id: string; customer: { id: string } }[];
      store.freeze!(true);
      const asked = performance.now();
      const ready = await client.get(`${second}/readyz`);
      assert.equal(ready.status, 503);
      assert.ok(performance.now() - asked < 4_000, "a probe has its answer soon");
      assert.equal((await client.get(`${first}/healthz`)).status, 200);
      assert.equal((await client.get(`${first}/api/orders/${order!.id}`)).status, 200);
      const again = { customerId: order!.customer.id, lines: [{ sku: "x", quantity: 1, unitPrice: 1 }] };
      const refused = await client.post(`${first}/api/orders`, again, { "idempotency-key": "2" });
      assertProblem(refused, 503, "store-unavailable");
      assert.match(refused.headers["retry-after"] ?? "", /^\d+$/);
      store.freeze!(false);
      for (let tries = 0; (await client.get(`${second}/readyz`)).status !== 200; tries++) {
        assert.ok(tries < 100, "it recovers");
        await delay(100);
      }
      let placed = await client.post(`${first}/api/orders`, again, { "idempotency-key": "2" });
      // What the request above has left in the store's queue is taken back once the store answers again.
      for (let tries = 0; placed.status !== 201 && tries < 100; tries++) {
        await delay(100);
        placed = await client.post(`${first}/api/orders`, again, { "idempotency-key": "2" });
      }
      assert.equal(placed.status, 201, JSON.stringify(placed.body));
      const { body: list } = await client.get(`${second}/api/orders`);
      assert.equal((list["items"] as readonly unknown[]).length, 2);
    });
  },
);
