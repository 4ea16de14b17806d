import type { Locker, Opening } from "./locker.ts";
import { createOnce, pgClient } from "./pg-client.ts";

/**
 * The floor of a handover on PostgreSQL: release is a durable commit, then a NOTIFY, and whoever waits
 * starts on the message. There is no lock behind it; only the alternating script of the handover cell
 * makes it look like one. `one commit`: both in the same statement.
 */
export async function open({ postgresUrl, index, variant }: Opening): Promise<Locker> {
  const client = await pgClient(postgresUrl);
  const listener = await pgClient(postgresUrl);
  await createOnce(client, "CREATE TABLE IF NOT EXISTS wake (id int PRIMARY KEY, count bigint NOT NULL)");
  await client.query("INSERT INTO wake VALUES (1, 0) ON CONFLICT DO NOTHING");
  let mayEnter = index === 0;
  let wake: (() => void) | undefined;
  listener.on("notification", ({ payload }) => {
    if (payload !== String(index)) wake?.();
  });
  await listener.query("LISTEN wake");
  const update = "UPDATE wake SET count = count + 1 WHERE id = 1";
  const both = `WITH done AS (${update} RETURNING id) SELECT pg_notify('wake', $1) FROM done`;
  const values = [String(index)];
  return {
    async lock() {
      if (!mayEnter) await new Promise<void>((resolve) => (wake = resolve));
      mayEnter = false;
      return async () => {
        if (variant === "one commit") return client.query({ name: "both", text: both, values });
        await client.query({ name: "update", text: update });
        return client.query({ name: "notify", text: "SELECT pg_notify('wake', $1)", values });
      };
    },
  };
}
