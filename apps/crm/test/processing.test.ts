import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { connect } from "holdfast";
import { EFFECTS, type Order } from "../domain/orders.ts";
import { asAdmin, inTurn, textOf, type Answer, type Client } from "./client.ts";
import { startPlatform, type Platform } from "./platform.ts";
import { storeKinds, type Store } from "./stores.ts";

const CALLS = 200;
/** So many orders do they share while nodes are killed. */
const ORDERS = 8;
/** How often a node must be caught between two writes, and how many tries that may take. */
const INTERRUPTIONS = 2;
const ROUNDS_MAX = 12;
const ACTOR = fileURLToPath(new URL("./processing-actor.js", import.meta.url));

for (const kind of storeKinds()) {
  describe(`processing orders over three nodes on ${kind.name}`, { skip: kind.skip }, () => {
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

    const newOrder = async (): Promise<string> => {
      const order = { customerId, lines: [{ sku: "chair", quantity: 2, unitPrice: 49 }] };
      const answer = await client.post(`${at(0)}/api/orders`, order, {
        "idempotency-key": randomUUID(),
      });
      assert.equal(answer.status, 201);
      return textOf(answer.body["id"]);
    };

    /** Asks until there is an answer: what callers do whose node has died, or was too busy. */
    const patiently = async (method: string, path: string, first: number): Promise<Answer> => {
      for (let tries = 0; ; tries++) {
        try {
          const answer = await client.send(method, at(first + tries) + path);
          if (answer.status !== 503) return answer;
        } catch (error) {
          assert.match((error as NodeJS.ErrnoException).code ?? "", /ECONNRE(SET|FUSED)|EPIPE/);
        }
        assert.ok(tries < 100, "no node answers");
        await delay(100);
      }
    };

    const assertOnce = async (id: string, answers: readonly Answer[]): Promise<number> => {
      const { body } = await patiently("GET", `/api/orders/${id}`, 0);
      assert.equal(body["status"], "processed");
      const effects = body["effects"] as readonly { key: string; attempt: number; token: string }[];
      assert.deepEqual(
        effects.map(({ key }) => key),
        EFFECTS.map((effect) => `${id}/${effect}`),
      );
      const attempts = body["attempts"] as number;
      for (const { attempt } of effects) assert.ok(attempt <= attempts);
      const tokens = effects.map(({ token }) => BigInt(token));
      assert.deepEqual(
        tokens,
        [...tokens].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)),
        "fencing tokens grow",
      );
      for (const answer of answers) {
        assert.equal(answer.status, 200, JSON.stringify(answer.body));
        assert.deepEqual(answer.body, body, "everybody gets the same answer");
      }
      return attempts;
    };

    const calls = (id: string, count: number): Promise<Answer>[] =>
      Array.from({ length: count }, (_, index) => patiently("POST", `/api/orders/${id}/process`, index));

    it(`${CALLS} calls at once cause each effect once, in one attempt`, async () => {
      const id = await newOrder();
      assert.equal(await assertOnce(id, await Promise.all(calls(id, CALLS))), 1);
    });

    it(`${CALLS} calls at once, and the node at work is killed in the middle: still once each`, async (t) => {
      const onlooker = await connect(store.url, { namespace: "crm", label: "test" });
      const orders = onlooker.records<Order>("orders");
      /** Stops whoever has a lock, to see how far its order is; kills it if that is the middle. */
      const killWorker = async (ids: readonly string[]): Promise<number | undefined> => {
        const unfinished = new Set(ids);
        while (unfinished.size > 0) {
          for (const id of unfinished) {
            const pid = (await onlooker.inspect(`order:${id}`)).holders[0]?.owner.pid;
            if (pid !== undefined) process.kill(pid, "SIGSTOP");
            const status = (await orders.get(id))?.value.status;
            if (pid !== undefined) process.kill(pid, status === "processing" ? "SIGKILL" : "SIGCONT");
            if (status === "processed") unfinished.delete(id);
            else if (status === "processing" && pid !== undefined) return pid;
          }
        }
        return undefined;
      };
      let rounds = 0;
      let interrupted = 0;
      try {
        for (; interrupted < INTERRUPTIONS && rounds < ROUNDS_MAX; rounds++) {
          const ids = await Promise.all(Array.from({ length: ORDERS }, newOrder));
          const perOrder = ids.map((id) => Promise.all(calls(id, CALLS / ORDERS)));
          const victim = await killWorker(ids);
          for (const [index, id] of ids.entries()) {
            if ((await assertOnce(id, await perOrder[index]!)) > 1) interrupted += 1;
          }
          if (victim === undefined) continue;
          await platform.prints(new RegExp(`pid ${victim}\\) was ended by SIGKILL[^]*is back`), 20_000);
        }
      } finally {
        await onlooker.close();
      }
      t.diagnostic(`${interrupted} times in the middle in ${rounds} rounds`);
      assert.ok(interrupted > 0, "no node was caught at work");
    });

    const actor = (id: string, writes: number, signal: string): ChildProcess =>
      spawn(process.execPath, [ACTOR, store.url, id, String(writes), signal], {
        stdio: ["ignore", "pipe", "inherit"],
      });

    // Begin, one for each effect, and the end: the last crash leaves nothing to do.
    for (let writes = 1; writes <= EFFECTS.length + 2; writes++) {
      it(`a crash after write ${writes} of ${EFFECTS.length + 2} is made good by the next`, async () => {
        const id = await newOrder();
        const child = actor(id, writes, "SIGKILL");
        const [, signal] = await new Promise<[unknown, string | null]>((resolve) => {
          child.once("exit", (code, by) => resolve([code, by]));
        });
        assert.equal(signal, "SIGKILL");
        const left = await client.get(`${at(1)}/api/orders/${id}`);
        assert.equal(left.body["status"], writes === EFFECTS.length + 2 ? "processed" : "processing");
        assert.equal((left.body["effects"] as unknown[]).length, Math.min(writes - 1, EFFECTS.length));
        const attempts = await assertOnce(id, await Promise.all(calls(id, 6)));
        assert.equal(attempts, writes === EFFECTS.length + 2 ? 1 : 2);
      });
    }

    it("one that stood still for longer than its lease adds nothing when it goes on", async () => {
      const id = await newOrder();
      const child = actor(id, 2, "SIGSTOP");
      const output = text(child.stdout!);
      await stopped(child.pid!);
      assert.equal(await assertOnce(id, await Promise.all(calls(id, 6))), 2);
      child.kill("SIGCONT");
      const seen = JSON.parse(await output) as { status: string; effects: readonly unknown[] };
      assert.equal(seen.status, "processed");
      assert.equal(await assertOnce(id, []), 2);
    });
  });
}

/** Linux tells a process's state behind its name in brackets: T is stopped. */
async function stopped(pid: number): Promise<void> {
  for (let tries = 0; ; tries++) {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    if (stat.slice(stat.lastIndexOf(")") + 2).startsWith("T")) return;
    assert.ok(tries < 500, "it does not stop");
    await delay(20);
  }
}
