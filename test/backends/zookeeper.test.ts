import { after, test } from "node:test";
import { conformance } from "holdfast/testkit";
import { zooKeeperEnvironment } from "../servers/zookeeper-environment.ts";
import { startZooKeeper } from "../servers/zookeeper.ts";
import { skip } from "./zookeeper-skips.ts";

const server = await startZooKeeper();
after(() => server.stop());

async function restart(): Promise<void> {
  await server.kill();
  await server.start();
}

conformance({
  test,
  name: "zookeeper",
  keeps: "locks",
  skip,
  open: () => zooKeeperEnvironment([server], restart),
});
