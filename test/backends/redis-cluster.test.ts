import { after, test } from "node:test";
import { conformance } from "holdfast/testkit";
import { CLUSTER_CLIENTS } from "../servers/redis-clients.ts";
import { redisEnvironment } from "../servers/redis-environment.ts";
import { startRedisCluster } from "../servers/redis.ts";

const cluster = await startRedisCluster();
after(() => cluster.stop());
const ports = cluster.nodes.map(({ port }) => port);

const reason =
  "a cluster keeps a collection in several slots, and no step can see whether another slot has the entry: " +
  "such a write is refused";
const skip = [
  { case: "unique entries: no two live records have the same, whatever else they say", reason },
  { case: "unique entries: let go by change and by deletion", reason },
  { case: "unique entries: a conflict or a stale fence is told first, a replay before all", reason },
  { case: "unique entries: of many at once who want the same, one gets it", reason },
];

for (const [name, open] of Object.entries(CLUSTER_CLIENTS)) {
  conformance({
    test,
    name: `cluster over ${name}`,
    skip,
    open: () => redisEnvironment(cluster, () => open(ports)),
  });
}
