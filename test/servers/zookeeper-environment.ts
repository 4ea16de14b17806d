import { IDLE_MEMORY_MS, type LockBackend } from "holdfast/backend";
import { zookeeper } from "holdfast/zookeeper";
import { VirtualClock, type Environment } from "holdfast/testkit";
import type { ZooKeeperServer } from "./zookeeper.ts";

/** Longer than any lease of the kit: sessions live in real time, leases on the kit's clock. */
const SESSION_MS = 600_000;

/** A real server with leases on the kit's clock. `servers`: all that may be connected to. */
export function zooKeeperEnvironment(
  servers: readonly ZooKeeperServer[],
  restart: () => Promise<void>,
): Environment {
  const clock = new VirtualClock();
  const backends: LockBackend[] = [];
  const opened: LockBackend[] = [];
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`).join(",");
  /** What each process has sent until now has been answered, and what follows from it told. */
  const settled = async (): Promise<void> => {
    await Promise.all(opened.map((backend) => backend.time().catch(() => undefined)));
  };
  const advance = async (ms: number): Promise<void> => {
    await clock.advance(ms);
    await settled();
  };
  return {
    backend() {
      const backend = zookeeper(addresses, { sessionTimeoutMs: SESSION_MS, clock });
      backends.push(backend);
      const { open } = backend;
      backend.open = async (session) => {
        await open.call(backend, session);
        opened.push(backend);
      };
      return backend;
    },
    advance,
    cleanUp: () => advance(2 * IDLE_MEMORY_MS),
    async restart() {
      await restart();
      await clock.advance(100);
    },
    async close() {
      await Promise.all(backends.map((backend) => backend.close()));
    },
  };
}
