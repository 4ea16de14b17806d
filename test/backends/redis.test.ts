import { after, test } from "node:test";
import { conformance } from "holdfast/testkit";
import { SINGLE_CLIENTS } from "../servers/redis-clients.ts";
import { redisEnvironment } from "../servers/redis-environment.ts";
import { startRedis } from "../servers/redis.ts";

const server = await startRedis();
after(() => server.stop());
const single = { nodes: [server], ready: async () => undefined };

for (const [name, open] of Object.entries(SINGLE_CLIENTS)) {
  conformance({
    test,
    name: `redis over ${name}`,
    open: () => redisEnvironment(single, () => open(server.port)),
  });
}
