import assert from "node:assert/strict";
import type { Case } from "../case.ts";
import { SHORT_MS } from "../durations.ts";
import type { Participant } from "../participant.ts";

/** Takes a free mutex, gives it back, and returns the token. */
async function mint(process: Participant, resource: string): Promise<number> {
  const held = await process.take(resource);
  await process.release(resource, held.leaseId);
  return held.token;
}

function assertGrowing(tokens: readonly number[]): void {
  tokens.forEach((token, at) => {
    assert.ok(Number.isSafeInteger(token) && token > 0, `${token} is an integer below 2^53`);
    assert.ok(token > (tokens[at - 1] ?? 0), `token ${at}: ${tokens.join(", ")}`);
  });
}

export const tokens: readonly Case[] = [
  {
    name: "tokens: grow with every grant",
    async run(stage) {
      const [a, b] = await stage.joinMany(2);
      const seen: number[] = [];
      for (let count = 0; count < 20; count += 1) seen.push(await mint(count % 2 ? a! : b!, "r"));
      assertGrowing(seen);
    },
  },
  {
    name: "tokens: grow over expiry, steal and force-release",
    async run(stage) {
      const a = await stage.join();
      const seen = [(await a.take("r", { ttlMs: SHORT_MS })).token];
      await stage.pass(SHORT_MS + 50);
      seen.push((await a.take("r")).token);
      seen.push((await a.take("r", { steal: true })).token);
      await a.revoke("r");
      seen.push(await mint(a, "r"));
      assertGrowing(seen);
    },
  },
  {
    name: "tokens: are not behind the store's clock in microseconds",
    async run(stage) {
      const a = await stage.join();
      const held = await a.take("r", { ttlMs: 10_000 });
      assert.ok(held.token >= (held.expiresAt - 10_001) * 1_000);
    },
  },
  {
    name: "tokens: grow over the clean-up of an idle resource",
    async run(stage) {
      const { cleanUp } = stage.environment;
      assert.ok(cleanUp, "the environment cannot clean up: give cleanUp(), or skip with a reason");
      const a = await stage.join();
      const seen = [await mint(a, "r"), await mint(a, "r")];
      await cleanUp.call(stage.environment);
      seen.push(await mint(a, "r"));
      assertGrowing(seen);
    },
  },
  {
    name: "tokens: grow over a restart of the store, and durable leases outlive it",
    async run(stage) {
      const { restart } = stage.environment;
      assert.ok(restart, "the environment cannot restart: give restart(), or skip with a reason");
      const before = await stage.join();
      const idle = await mint(before, "idle");
      const held = await before.take("held");
      await before.backend.close();
      await restart.call(stage.environment);
      const after = await stage.join();
      assertGrowing([idle, await mint(after, "idle")]);
      if (after.backend.guarantees.leases === "durable") {
        assert.equal((await after.ask("held", { wait: false })).kind, "busy");
        await after.revoke("held");
      }
      assertGrowing([held.token, (await after.take("held", { steal: true })).token]);
    },
  },
];
