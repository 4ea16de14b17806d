import type { Locker, Opening } from "./locker.ts";
import { pgClient } from "./pg-client.ts";

/**
 * PostgreSQL's own lock, for the length of a transaction on a connection that does nothing else meanwhile.
 */
export async function open({ postgresUrl }: Opening): Promise<Locker> {
  const idle = [await pgClient(postgresUrl)];
  const lock = (name: string): string => {
    // Names come from this benchmark.
    return `BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('${name}', 0))`;
  };
  return {
    async lock(name) {
      const client = idle.pop() ?? (await pgClient(postgresUrl));
      await client.query(lock(name));
      return async () => {
        await client.query("COMMIT");
        idle.push(client);
      };
    },
  };
}
