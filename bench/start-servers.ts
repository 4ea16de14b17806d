import type { SuiteName } from "./cells/all.ts";
import { startMariaDb } from "./mariadb-server.ts";
import { startPostgres } from "./postgres-server.ts";
import { startRedis } from "./redis-server.ts";
import type { Servers } from "./servers.ts";

export async function startServers(suite: SuiteName, directory: string): Promise<Servers> {
  if (suite === "locks") return startRedis(directory);
  const postgres = await startPostgres(`${directory}/postgres`);
  try {
    return both(postgres, await startMariaDb(`${directory}/mariadb`));
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

function both(postgres: Servers, mariadb: Servers): Servers {
  const all = [postgres, mariadb];
  const { postgresUrl } = postgres.addresses;
  return {
    addresses: { ...mariadb.addresses, postgresUrl },
    description: all.map(({ description }) => description).join(", "),
    flush: async () => void (await Promise.all(all.map((each) => each.flush()))),
    settle: async () => {},
    busyMs: () => all.reduce((sum, each) => sum + each.busyMs(), 0),
    stop: async () => void (await Promise.all(all.map((each) => each.stop()))),
  };
}
