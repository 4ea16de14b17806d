import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { asAdmin, type Client } from "./client.ts";
import { startPlatform, type Platform } from "./platform.ts";
import { startZooKeeper, zooKeeperMissing } from "./zookeeper.ts";

describe("records in SQLite, locks in ZooKeeper", { skip: zooKeeperMissing }, () => {
  let folder: string;
  let locks: { readonly url: string; end(): Promise<void> };
  let platform: Platform;
  let client: Client;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "crm-test-"));
    locks = await startZooKeeper();
    const url = `sqlite:${join(folder, "crm.db")}`;
    platform = await startPlatform({ url, folder, nodes: 3, args: ["--locks", locks.url] });
    client = await asAdmin(platform.addresses[0]!);
  });
  after(async () => {
    await platform?.stop();
    await locks?.end();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  it("an order that every node is told to process at once is processed once", async () => {
    const { addresses } = platform;
    const { body } = await client.post(`${addresses[0]!}/api/customers`, { name: "Ada" });
    const order = { customerId: body["id"], lines: [{ sku: "x", quantity: 1, unitPrice: 1 }] };
    const placed = await client.post(`${addresses[0]!}/api/orders`, order, { "idempotency-key": "1" });
    assert.equal(placed.status, 201, JSON.stringify(placed.body));
    const path = `/api/orders/${String(placed.body["id"])}/process`;
    const processing = Array.from({ length: 30 }, (_, at) => client.post(addresses[at % 3]! + path));
    const answers = await Promise.all(processing);
    for (const answer of answers) {
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      assert.deepEqual(answer.body, answers[0]!.body);
    }
    assert.equal(answers[0]!.body["attempts"], 1);
  });

  it("every node is ready, and shows the locks as they are", async () => {
    for (const address of platform.addresses) {
      assert.equal((await client.get(`${address}/readyz`)).status, 200);
      assert.equal((await client.get(`${address}/api/locks`)).status, 200);
    }
  });
});
