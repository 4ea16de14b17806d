import assert from "node:assert/strict";
import { IDLE_MEMORY_MS } from "../../backend.ts";
import type { Case } from "../case.ts";

export const storage: readonly Case[] = [
  {
    name: "storage: idle resources leave nothing behind for ever",
    async run(stage) {
      const { environment } = stage;
      if (environment.footprint === undefined || environment.advance === undefined) return;
      const a = await stage.join();
      const use = async (from: number): Promise<void> => {
        for (let at = from; at < from + 100; at += 1) {
          const held = await a.take(`r${at}`);
          await a.release(`r${at}`, held.leaseId);
        }
      };
      await use(0);
      const once = await environment.footprint();
      for (let round = 1; round <= 5; round += 1) {
        await environment.advance(IDLE_MEMORY_MS + 1_000);
        await use(100 * round);
      }
      const often = await environment.footprint();
      assert.ok(often <= 3 * once + 10, `${once} entries after 100 resources, ${often} after 600`);
    },
  },
  {
    name: "storage: a busy resource keeps a bounded memory of what ended",
    async run(stage) {
      const { environment } = stage;
      if (environment.footprint === undefined) return;
      const a = await stage.join();
      const use = async (times: number): Promise<void> => {
        for (let count = 0; count < times; count += 1) {
          const held = await a.take("r");
          await a.release("r", held.leaseId);
          await a.release("r", a.leaseId());
        }
      };
      await use(30);
      const once = await environment.footprint();
      await use(100);
      assert.ok((await environment.footprint()) <= once + 5);
    },
  },
];
