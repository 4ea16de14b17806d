import { Client } from "pg";

/** One connection, as a floor needs it. */
export async function pgClient(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
}

/** Several workers create the same table at once, which IF NOT EXISTS does not make safe. */
export async function createOnce(client: Pick<Client, "query">, table: string): Promise<void> {
  // Statements that are sent together are one transaction.
  await client.query(`SELECT pg_advisory_xact_lock(1); ${table}`);
}
