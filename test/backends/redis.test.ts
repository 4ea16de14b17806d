import { after, test } from "node:test";
import { conformance } from "holdfast/testkit";
import { SINGLE_CLIENTS } from "../servers/redis-clients.ts";
import { redisEnvironment } from "../servers/redis-environment.ts";
import { startRedis } from "../servers/redis.ts";

const server = await startRedis();
after(() => server.stop());

for (const [name, open] of Object.entries(SINGLE_CLIENTS)) {
  conformance({
    test,
    name: `redis over ${name}`,
    open: () => redisEnvironment({ nodes: [server], ready: async () => undefined }, () => open(server.port)),
  });
}
