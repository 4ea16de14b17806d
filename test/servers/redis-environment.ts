import { Redis } from "ioredis";
import { IDLE_MEMORY_MS } from "holdfast/backend";
import { redis } from "holdfast/redis";
import type { Environment } from "holdfast/testkit";
import type { OpenedClient } from "./redis-clients.ts";
import type { RedisTopology } from "./redis.ts";

/** Ages every key of a server: one that would be gone by then, is. */
const AGE = `
local keys = redis.call('KEYS', '*')
for _, key in ipairs(keys) do
  local left = redis.call('PTTL', key)
  if left >= 0 then redis.call('PEXPIRE', key, math.max(0, left - tonumber(ARGV[1]))) end
end
return #keys`;

/** Real servers on the kit's clock: the scripts are given it, and the keys' expiry is moved along. */
export async function redisEnvironment(
  { nodes, ready }: Pick<RedisTopology, "nodes" | "ready">,
  open: () => Promise<OpenedClient>,
): Promise<Environment> {
  let now = Date.now();
  const { client, close } = await open();
  const admins = nodes.map(({ port }) => new Redis(port).on("error", () => undefined));
  const advance = async (ms: number): Promise<void> => {
    now += ms;
    await Promise.all(admins.map((admin) => admin.eval(AGE, 0, String(ms))));
  };
  return {
    backend: () => redis(client, { now: () => now }),
    advance,
    cleanUp: () => advance(2 * IDLE_MEMORY_MS),
    async restart() {
      await Promise.all(nodes.map((node) => node.restart()));
      await ready();
      // No server restarts in no time.
      now += 100;
    },
    async footprint() {
      const sizes = await Promise.all(admins.map((admin) => admin.dbsize()));
      return sizes.reduce((sum, size) => sum + size, 0);
    },
    async close() {
      for (const admin of admins) admin.disconnect();
      await close();
    },
  };
}
