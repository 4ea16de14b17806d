import { after, describe, test } from "node:test";
import { etcdFromUrl } from "holdfast/etcd";
import { conformance, type Skip } from "holdfast/testkit";
import { startEtcd, type EtcdServer } from "../servers/etcd.ts";
import { leftOut } from "../servers/install.ts";

const NO_CLOCK =
  "etcd shows its clients no clock: each process counts by its own, from when it heard what has happened";

const SKIPPED: readonly Skip[] = [
  {
    case: "tokens: are not behind the store's clock in microseconds",
    reason: "a token is made of etcd's revision, which outlives everything and needs no clock",
  },
  { case: "claim deadline: a grant handed over lasts only that long, until it is renewed", reason: NO_CLOCK },
  {
    case: "claim deadline: a dead waiter is passed over, and the next one is told when to look",
    reason: `${NO_CLOCK}; nobody need look, because the end of the dead one's lease is told by the watch`,
  },
  {
    case: "inspect: changes nothing",
    reason: "a living process ends its own places in time, and what that frees is granted without any step",
  },
  { case: "expiry: the next one gets it at the deadline, neither earlier nor later", reason: NO_CLOCK },
];

describe("etcd", { skip: leftOut("etcd"), timeout: 120_000 }, () => {
  let server: Promise<EtcdServer> | undefined;
  const started = (): Promise<EtcdServer> => (server ??= startEtcd());
  after(async () => (await server)?.stop());
  conformance({
    test,
    name: "etcd",
    keeps: "locks",
    skip: SKIPPED,
    async open() {
      const { restart, url } = await started();
      return {
        backend: () => etcdFromUrl(url),
        restart,
        // Of an idle resource it keeps nothing.
        cleanUp: async () => undefined,
        close: () => undefined,
      };
    },
  });
});
