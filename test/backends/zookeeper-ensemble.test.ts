import { after, test } from "node:test";
import { conformance } from "holdfast/testkit";
import { zooKeeperEnvironment } from "../servers/zookeeper-environment.ts";
import { startZooKeeperEnsemble } from "../servers/zookeeper.ts";
import { skip } from "./zookeeper-skips.ts";

const ensemble = await startZooKeeperEnsemble();
after(() => ensemble.stop());

async function restart(): Promise<void> {
  await Promise.all(ensemble.servers.map((server) => server.kill()));
  await Promise.all(ensemble.servers.map((server) => server.start()));
  await ensemble.ready();
}

// Its processes talk to any of the three, followers that lag behind among them.
conformance({
  test,
  name: "zookeeper, three servers",
  keeps: "locks",
  skip,
  open: () => zooKeeperEnvironment(ensemble.servers, restart),
});
