import { after, test } from "node:test";
import { conformance } from "holdfast/testkit";
import { CLUSTER_CLIENTS } from "../servers/redis-clients.ts";
import { redisEnvironment } from "../servers/redis-environment.ts";
import { startRedisCluster } from "../servers/redis.ts";

const cluster = await startRedisCluster();
after(() => cluster.stop());
const ports = cluster.nodes.map(({ port }) => port);

for (const [name, open] of Object.entries(CLUSTER_CLIENTS)) {
  conformance({
    test,
    name: `cluster over ${name}`,
    open: () => redisEnvironment(cluster, () => open(ports)),
  });
}
